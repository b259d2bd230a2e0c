import IMAPCore

// RFC 5161 §3.1
extension IMAPSession {
    func enable(_ names: [String]) -> Completion {
        let hadCondstore = enabled.contains(.condstore)
        // RFC 5161 §3.2: only what this command has newly enabled; an empty list when that is nothing
        encoder.enabled(enabled.enable(names, withheld: service.settings.withheld))
        if enabled.contains(.uidOnly) { followSearchesByUID() }
        if !hadCondstore, enabled.contains(.condstore) { tellHighestModSequence() }
        return .ok("Enabled.")
    }
}
