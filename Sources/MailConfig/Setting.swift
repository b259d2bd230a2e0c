/// One setting: everything that validation, `config show`, the reference page and the environment need to know of it.
package struct Setting: Sendable {
    /// When a change takes effect.
    package enum Apply: String, Sendable {
        /// On reload, for new sessions.
        case live
        /// At the next start.
        case restart
    }

    /// Words with dots: `limits.message_size`.
    package let path: String
    /// "duration", "size", "list of listeners" …
    package let typeName: String
    /// What the number counts, when the type doesn't say it.
    package let unit: String?
    package let range: String?
    package let doc: String
    package let apply: Apply
    /// Has to be written somewhere: there is no default.
    package let isRequired: Bool
    /// Names a file that holds a secret; the secret itself is never part of the manifest.
    package let isSecret: Bool
    /// The default as a sentence, where it follows from other settings.
    let defaultNote: String?
    let shape: EnvironmentShape
    let read: @Sendable (ConfigNode, inout ConfigReading, inout Manifest) -> Bool
    let render: @Sendable (Manifest) -> RenderedValue?
    /// From the first manifest to the second.
    let copy: @Sendable (Manifest, inout Manifest) -> Void

    init<Value>(
        _ path: String, _ place: any WritableKeyPath<Manifest, Value> & Sendable, _ type: ValueType<Value>,
        unit: String? = nil, _ apply: Apply, required: Bool = false, secret: Bool = false,
        default note: String? = nil, _ doc: String
    ) {
        self.path = path
        typeName = type.name
        range = type.range
        shape = type.shape
        self.unit = unit
        self.apply = apply
        self.doc = doc
        isRequired = required
        isSecret = secret
        defaultNote = note
        read = { node, reading, manifest in
            reading.path = path
            guard let value = type.read(node, &reading) else { return false }
            manifest[keyPath: place] = value
            return true
        }
        render = { type.render($0[keyPath: place]) }
        copy = { $1[keyPath: place] = $0[keyPath: place] }
    }

    /// `MARTLET_LIMITS_MESSAGE_SIZE`.
    package var environmentName: String {
        "MARTLET_" + path.uppercased().map { $0 == "." ? "_" : $0 }.map(String.init).joined()
    }

    /// The words of the path before the last.
    package var section: String { path.split(separator: ".").dropLast().joined(separator: ".") }

    /// The last word of the path.
    package var key: String { path.split(separator: ".").last.map(String.init) ?? path }

    /// The value in a manifest as it would be written on one line; nil when it is not set.
    package func text(in manifest: Manifest) -> String? { render(manifest).map(YAMLText.flow) }

    /// The default as it would be written, or a sentence.
    package var defaultText: String {
        if isRequired { return "none: it has to be set" }
        if let defaultNote { return defaultNote }
        guard let value = render(Manifest()) else { return "not set" }
        let text = value.inline
        return text.isEmpty ? "\"\"" : text
    }
}
