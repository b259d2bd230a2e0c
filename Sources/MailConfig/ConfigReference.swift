/// The reference page of all settings, made from the schema.
package enum ConfigReference {
    package static func render() -> String {
        var text = preamble
        var section: String?
        for setting in Schema.settings {
            if setting.section != section {
                section = setting.section
                text += heading(setting.section)
            }
            text += entry(setting)
        }
        return text
    }

    private static func heading(_ path: String) -> String {
        if path.isEmpty { return "\n## Listeners\n" }
        let doc = Schema.sections.first { $0.path == path }?.doc ?? ""
        return "\n## `\(path)`\n" + (doc.isEmpty ? "" : "\n\(doc)\n")
    }

    private static func entry(_ setting: Setting) -> String {
        var facts = ["Type: \(setting.typeName)"]
        if let unit = setting.unit { facts[0] += " (\(unit))" }
        if let range = setting.range { facts.append("Values: \(range)") }
        facts.append(
            "Default: \(setting.isRequired || setting.defaultNote != nil ? setting.defaultText : code(setting))")
        facts.append("Environment: `\(setting.environmentName)`")
        facts.append(setting.apply == .live ? "A change takes effect on reload." : "A change needs a restart.")
        if setting.isSecret { facts.append("Names a secret's file; only the path is ever shown.") }
        let list = facts.map { "- \($0)\n" }.joined()
        return "\n### `\(setting.path)`\n\n\(setting.doc)\n\n\(list)"
    }

    private static func code(_ setting: Setting) -> String {
        let text = setting.defaultText
        return text == "not set" || text == "none" ? text : "`\(text)`"
    }

    private static let preamble = """
        # Configuration reference

        <!-- Made from the schema by `martlet config reference`: change Sources/MailConfig/Schema*.swift instead. -->

        `martlet.yaml` holds the server half of the configuration: host name, ports, certificates, limits. Domains,
        accounts and aliases are kept in the database: see `martlet domain`, `martlet account` and `martlet alias`.

        - A name with dots is a section and a key: `limits.message_size` is `message_size` in the section `limits`.
        - A **duration** has a unit: `ms`, `s`, `m`, `h`, `d` or `w`, and may have several: `1h30m`.
        - A **size** has a unit: `B`; `kB`, `MB`, `GB`, `TB` are powers of 1000, `KiB`, `MiB`, `GiB`, `TiB` powers of 1024.
        - No limit is the word `unlimited`, never 0.
        - A **path** that doesn't begin with `/` starts in the folder of `martlet.yaml`.
        - A setting that isn't known, a wrong value or a key written twice stops the start, with line and column.
        - Each setting can be overridden by an environment variable. A list is separated by commas, the keys of an item
          by semicolons: `MARTLET_LISTENERS='kind=mx;port=2525,kind=imaps;address=127.0.0.1'`, and
          `MARTLET_SERVER_DNS_HOSTS='mx.example.org=192.0.2.1;192.0.2.2'`. A variable that begins with `MARTLET_` and is no
          setting is an error, except those that Kubernetes and Docker set for a service called martlet (`MARTLET_PORT`,
          `MARTLET_SERVICE_HOST`, `MARTLET_PORT_25_TCP_ADDR` …), which are ignored with a note.
        - `martlet config check` says what is wrong, `martlet config show` what is in effect and where it was written.

        """
}
