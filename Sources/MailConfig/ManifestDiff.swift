/// What differs between two manifests, for reload and for `config apply`.
package enum ManifestDiff {
    /// A setting with another value.
    package struct Change: Sendable, Hashable, CustomStringConvertible {
        /// `limits.message_size`.
        package var path: String
        /// As it would be written on one line; nil when it isn't set.
        package var before: String?
        package var after: String?
        /// Whether a reload is enough.
        package var apply: Setting.Apply

        /// `limits.message_size: 50MB → 100MB`, and whether that waits for a restart.
        package var description: String {
            let values = "\(before ?? "not set") → \(after ?? "not set")"
            return "\(path): \(values)" + (apply == .restart ? " (takes effect at the next start)" : "")
        }
    }

    /// The settings that differ, in the order of the reference; empty when the manifests are equal.
    package static func changes(from old: Manifest, to new: Manifest) -> [Change] {
        Schema.settings.compactMap { setting in
            let before = setting.render(old)
            let after = setting.render(new)
            if before == after { return nil }
            return Change(
                path: setting.path, before: before.map(YAMLText.flow), after: after.map(YAMLText.flow),
                apply: setting.apply
            )
        }
    }

    /// The new manifest with everything that needs a restart left as it is: what a reload may put into effect.
    package static func live(from old: Manifest, to new: Manifest) -> Manifest {
        var manifest = old
        for setting in Schema.settings where setting.apply == .live { setting.copy(new, &manifest) }
        return manifest
    }

    /// The same, with the places where the settings were written.
    package static func live(from old: LoadedManifest, to new: LoadedManifest) -> LoadedManifest {
        var loaded = new
        loaded.manifest = live(from: old.manifest, to: new.manifest)
        for setting in Schema.settings where setting.apply == .restart {
            loaded.origins[setting.path] = old.origins[setting.path]
        }
        return loaded
    }
}
