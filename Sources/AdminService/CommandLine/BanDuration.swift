import MailConfig

/// Reads how long a ban lasts as the manifest reads durations.
package enum BanDuration {
    /// Whole seconds, at least 1.
    ///
    /// - Throws: `AdminError` when the text is no duration.
    package static func parse(_ text: String) throws -> Int {
        guard let duration = DurationText.duration(text), duration >= .seconds(1) else {
            throw AdminError(
                .usage, "\"\(text)\" is not how long a ban can last", remedy: "write it as 30m, 1h or 7d")
        }
        return Int(duration.components.seconds)
    }
}
