/// Files that a command is given.
package enum CommandFile {
    /// The whole of a text file.
    package static func text(_ path: String) throws -> String {
        let bytes = try FileBytes.read(path, limit: 16 << 20)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw AdminError(.data, "\(path) is not UTF-8 text")
        }
        return text
    }

    /// A path that a server finds too, wherever it runs.
    package static func absolute(_ path: String) -> String { FileBytes.absolute(path) }
}
