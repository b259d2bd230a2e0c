import Glibc

/// The octets of one run, handed out as choices and as data. Reads past the end give zeros, so that every input is valid.
struct FuzzInput {
    private(set) var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) {
        rest = bytes[...]
    }

    var isEmpty: Bool { rest.isEmpty }

    mutating func byte() -> UInt8 { rest.popFirst() ?? 0 }

    /// A number below `bound`, which is 1 to 255.
    mutating func choice(_ bound: Int) -> Int { Int(byte()) % max(bound, 1) }

    mutating func take(_ count: Int) -> [UInt8] {
        defer { rest = rest.dropFirst(count) }
        return Array(rest.prefix(count))
    }

    /// Octets up to the next line feed, without it.
    mutating func line() -> [UInt8] {
        let line = Array(rest.prefix { $0 != 10 })
        rest = rest.dropFirst(line.count + 1)
        return line
    }

    mutating func remainder() -> [UInt8] { take(rest.count) }
}

/// Ways of cutting the same octets, which must make no difference to a framer.
enum FuzzCuts {
    static func whole(_ bytes: [UInt8]) -> [[UInt8]] { [bytes] }

    static func single(_ bytes: [UInt8]) -> [[UInt8]] { bytes.map { [$0] } }

    /// Pieces of 1 to 16 octets, by a small generator of its own.
    static func random(_ bytes: [UInt8], seed: UInt8) -> [[UInt8]] {
        var state = UInt32(seed) &* 2_654_435_761 | 1
        var pieces: [[UInt8]] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            state = state &* 1_664_525 &+ 1_013_904_223
            let count = 1 + Int(state >> 28)
            pieces.append(Array(rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        return pieces
    }
}

/// One function that must return for any octets, and traps when a promise is broken.
struct FuzzEntry: Sendable {
    let name: String
    let run: @Sendable ([UInt8]) -> Void

    init(_ name: String, _ run: @escaping @Sendable ([UInt8]) -> Void) {
        self.name = name
        self.run = run
    }
}

/// Runs what is kept in `Fuzz/Corpus` and `Fuzz/FailCases` through an entry, as a test.
enum FuzzReplay {
    struct Missing: Error, CustomStringConvertible {
        let description: String
    }

    /// Gives the number of files that were run.
    ///
    /// - Parameter testFile: the path of a file in `Tests/<Target>Tests`.
    /// - Throws: when a folder has vanished, or nothing was found in the corpus.
    @discardableResult
    static func run(_ entry: FuzzEntry, besides testFile: String) throws -> Int {
        let root = testFile.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
        let seeds = try files(in: "\(root)/Fuzz/Corpus/\(entry.name)")
        guard !seeds.isEmpty else { throw Missing(description: "no seeds for \(entry.name)") }
        let cases = try files(in: "\(root)/Fuzz/FailCases/\(entry.name)")
        for path in seeds + cases { entry.run(try contents(of: path)) }
        return seeds.count + cases.count
    }

    private static func files(in folder: String) throws -> [String] {
        guard let listing = opendir(folder) else { throw Missing(description: "\(folder) is missing") }
        defer { closedir(listing) }
        var names: [String] = []
        while let entry = readdir(listing) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append("\(folder)/\(name)") }
        }
        return names.sorted()
    }

    private static func contents(of path: String) throws -> [UInt8] {
        guard let file = fopen(path, "rb") else { throw Missing(description: "\(path) cannot be read") }
        defer { fclose(file) }
        var contents: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = fread(&piece, 1, piece.count, file)
            guard count > 0 else { return contents }
            contents += piece.prefix(count)
        }
    }
}
