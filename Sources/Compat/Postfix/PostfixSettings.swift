/// What a Postfix would do with a `main.cf`: each parameter's value, whether somebody set it or it is as Postfix has it.
package struct PostfixSettings: Sendable {
    /// What Postfix finds out about the host it runs on.
    package struct Host: Sendable, Equatable {
        /// As the system gives it; may have no dot.
        package var name: String
        /// What stands in a file that a parameter names, such as `/etc/mailname`: its first line.
        package var files: [String: String]

        package init(name: String, files: [String: String] = [:]) {
            self.name = name
            self.files = files
        }
    }

    package var main: MainCF
    package let host: Host
    /// Of a service, which go before `main`; the last of a name holds.
    package var overrides: [MasterCF.Override]

    package init(_ main: MainCF, host: Host, overrides: [MasterCF.Override] = []) {
        self.main = main
        self.host = host
        self.overrides = overrides
    }

    /// The same as a service sees it.
    package func seen(by service: MasterCF.Service) -> PostfixSettings {
        PostfixSettings(main, host: host, overrides: service.overrides)
    }

    /// Whether Postfix 3.7 has such a parameter. Users may make up names of their own, for other values to use.
    package static func isKnown(_ name: String) -> Bool {
        defaults[name] != nil || hostNames.contains(name) || isOfTransport(name)
    }

    private static let hostNames: Set<String> = ["myhostname", "mydomain", "mynetworks", "process_id", "process_name"]

    /// `smtp_destination_concurrency_limit` and the like exist for each transport that `master.cf` has.
    private static func isOfTransport(_ name: String) -> Bool {
        transportSuffixes.contains { name.hasSuffix($0) && name.count > $0.count }
    }

    private static let transportSuffixes = [
        "_destination_concurrency_failed_cohort_limit", "_destination_concurrency_limit",
        "_destination_concurrency_negative_feedback", "_destination_concurrency_positive_feedback",
        "_destination_rate_delay", "_destination_recipient_limit", "_initial_destination_concurrency",
        "_extra_recipient_limit", "_minimum_delivery_slots", "_recipient_limit", "_recipient_refill_delay",
        "_recipient_refill_limit", "_delivery_slot_cost", "_delivery_slot_discount", "_delivery_slot_loan",
        "_transport_rate_delay", "_time_limit",
    ]

    /// Names and defaults of ``PostfixParameterTables``.
    package static let defaults: [String: String] = {
        var defaults: [String: String] = [:]
        for line in PostfixParameterTables.text.split(separator: "\n") {
            guard let equals = line.firstIndex(of: "=") else { continue }
            defaults[String(line[..<equals]).trimmed] = String(line[line.index(after: equals)...]).trimmed
        }
        return defaults
    }()

    /// Where a value was written; nil for a default.
    package func line(of name: String) -> Int? {
        overrides.last { $0.name == name }?.line ?? main[name]?.line
    }

    package func isSet(_ name: String) -> Bool { line(of: name) != nil }

    /// As it is written, or Postfix's default; nil for a name that nobody knows.
    package func raw(_ name: String) -> String? {
        if let override = overrides.last(where: { $0.name == name }) { return override.value }
        if let entry = main[name] { return entry.value }
        switch name {
        case "myhostname": return host.name.contains(".") ? host.name : "\(host.name).$mydomain"
        case "mydomain": return defaultDomain
        case "process_name", "process_id": return ""
        default: return Self.defaults[name]
        }
    }

    /// `mydomain` where nobody sets it: `myhostname` without its first label.
    private var defaultDomain: String {
        let name = overrides.last { $0.name == "myhostname" }?.value ?? main["myhostname"]?.value ?? host.name
        guard !name.contains("$"), let dot = name.firstIndex(of: ".") else { return "localdomain" }
        return String(name[name.index(after: dot)...])
    }

    /// Postfix expands these where it uses them, with names of the message at hand.
    private static let expandedLater: Set<String> = [
        "command_execution_directory", "default_rbl_reply", "forward_path", "luser_relay", "mailbox_command",
        "postscreen_expansion_filter", "postscreen_reject_footer", "smtpd_expansion_filter", "smtpd_reject_footer",
    ]

    /// Expanded. Empty where nobody sets it and it has no default.
    /// - Throws: where its text is malformed, or leads back to itself.
    package func value(_ name: String) throws(ParameterText.Failure) -> String {
        guard let raw = raw(name) else { return "" }
        return Self.expandedLater.contains(name) ? raw : try expand(raw)
    }

    package func expand(_ text: String) throws(ParameterText.Failure) -> String {
        try ParameterText(lookup: { raw($0) }).expand(text).trimmed
    }

    /// The items of a list: between commas and blanks; braces hold one together.
    package func list(_ name: String) throws(ParameterText.Failure) -> [String] {
        Self.split(try value(name))
    }

    package static func split(_ text: String) -> [String] {
        var items: [String] = []
        var item = ""
        var depth = 0
        for scalar in text.unicodeScalars {
            if scalar == "{" { depth += 1 }
            if scalar == "}" { depth = max(0, depth - 1) }
            if depth == 0, scalar == "," || scalar.isBlank {
                if !item.isEmpty { items.append(item) }
                item = ""
            } else {
                item.unicodeScalars.append(scalar)
            }
        }
        if !item.isEmpty { items.append(item) }
        return items
    }

    /// - Throws: where it is neither `yes` nor `no`.
    package func isOn(_ name: String) throws(ParameterText.Failure) -> Bool {
        let text = try value(name)
        switch text.lowercased() {
        case "yes": return true
        case "no": return false
        default: throw ParameterText.Failure(description: "`\(text)` is neither yes nor no")
        }
    }

    /// A time in seconds; without a unit in `unit`.
    package func seconds(_ name: String, unit: Character = "s") throws(ParameterText.Failure) -> Int {
        let text = try value(name)
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let factors: [Character: Int] = ["s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604_800]
        let rest = text.dropFirst(digits.count)
        guard let number = Int(digits), rest.count <= 1, let factor = factors[rest.first ?? unit],
            case let (product, overflow) = number.multipliedReportingOverflow(by: factor), !overflow
        else { throw ParameterText.Failure(description: "`\(text)` is no time") }
        return product
    }

    package func number(_ name: String) throws(ParameterText.Failure) -> Int {
        let text = try value(name)
        guard let number = Int(text), number >= 0 else {
            throw ParameterText.Failure(description: "`\(text)` is no number")
        }
        return number
    }
}
