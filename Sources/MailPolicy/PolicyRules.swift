package import MailConfig

/// The rules that decisions are made by: the manifest, and where each of its settings was written.
package struct PolicyRules: Sendable {
    package let manifest: Manifest
    private let origins: [String: String]

    /// - Parameter origins: `martlet.yaml:12` by the path of a setting; a setting without one has its default.
    package init(_ manifest: Manifest, origins: [String: String] = [:]) {
        self.manifest = manifest
        self.origins = origins
    }

    package init(_ loaded: LoadedManifest) {
        self.init(loaded.manifest, origins: loaded.origins.mapValues(\.description))
    }

    /// Where a setting was written.
    package func origin(_ path: String) -> String { origins[path] ?? TraceStep.builtIn }
}

extension PolicyRules {
    /// The tables that are asked for a purpose, in order.
    package func tables(for purpose: TablePurpose) -> [TableSource] { manifest.tables(for: purpose) }

    /// False where asking would be in vain; costs next to nothing.
    package func hasTables(_ purpose: TablePurpose) -> Bool { !manifest.tables(for: purpose).isEmpty }
}
