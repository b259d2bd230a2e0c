import Foundation

package extension TemporaryFolder {
    /// Every ordinary file in a folder, with the path from there, sorted.
    static func files(below folder: String) -> [String] {
        var found: [String] = []
        guard let all = FileManager.default.enumerator(atPath: folder) else { return [] }
        while let name = all.nextObject() as? String {
            var isFolder: ObjCBool = false
            if FileManager.default.fileExists(atPath: "\(folder)/\(name)", isDirectory: &isFolder), !isFolder.boolValue
            {
                found.append(name)
            }
        }
        return found.sorted()
    }
}
