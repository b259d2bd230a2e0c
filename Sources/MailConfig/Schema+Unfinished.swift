extension Schema {
    /// Settings that can be read and are not honoured yet: a manifest that writes one is refused at start and by
    /// `config check`. Whoever makes one true takes it out of here.
    package static let unfinished: Set<String> = []

    /// What a manifest asks for that is not there, as errors with their places.
    package static func unfinished(in loaded: LoadedManifest) -> [ConfigDiagnostic] {
        unfinished.sorted().compactMap { path in
            let message = "`\(path)` is not done yet in this version"
            switch loaded.origin(path) {
            case .standard: return nil
            case .file(let file, let line, let column):
                return ConfigDiagnostic(file: file, line: line, column: column, message: message, remedy: "remove it")
            case .environment(let name):
                return ConfigDiagnostic(
                    file: "environment \(name)", line: nil, column: nil, message: message, remedy: "unset it")
            }
        }
    }
}
