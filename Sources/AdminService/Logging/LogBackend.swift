import Glibc
package import Logging
package import MailConfig
import Synchronization
import Telemetry

/// Where log lines go and how they look; shared by every logger of the process, so that a reload changes all of them.
package final class LogBackend: Sendable {
    let writer: LogWriter
    private let levelIndex: Atomic<Int>
    private let json: Atomic<Bool>

    package init(writer: LogWriter, format: Manifest.Log.Format, level: Logger.Level) {
        self.writer = writer
        levelIndex = Atomic(Self.index(level))
        json = Atomic(format == .json)
    }

    /// Lines to standard error.
    package convenience init(_ log: Manifest.Log) {
        self.init(writer: LogWriter(descriptor: STDERR_FILENO), format: log.format, level: Self.level(log.level))
    }

    package var level: Logger.Level { Logger.Level.allCases[levelIndex.load(ordering: .relaxed)] }

    package var isJSON: Bool { json.load(ordering: .relaxed) }

    /// Takes over what a changed manifest says.
    package func apply(_ log: Manifest.Log) {
        levelIndex.store(Self.index(Self.level(log.level)), ordering: .relaxed)
        json.store(log.format == .json, ordering: .relaxed)
    }

    /// A logger of this backend. The label is the part of the program that speaks, such as `smtp`.
    package func logger(_ label: String) -> Logger {
        Logger(label: label) { LineLogHandler(label: $0, backend: self) }
    }

    private static func index(_ level: Logger.Level) -> Int {
        Logger.Level.allCases.firstIndex(of: level) ?? 2
    }

    private static func level(_ level: Manifest.Log.Level) -> Logger.Level {
        switch level {
        case .trace: .trace
        case .debug: .debug
        case .info: .info
        case .notice: .notice
        case .warning: .warning
        case .error: .error
        }
    }
}

/// The time of the wall clock, for log lines.
func currentEventTime() -> EventTime {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return EventTime(microseconds: Int64(time.tv_sec) &* 1_000_000 &+ Int64(time.tv_nsec) / 1000)
}

/// Renders a log event as one line of text or JSON.
struct LineLogHandler: LogHandler {
    let label: String
    let backend: LogBackend
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?
    private var ownLevel: Logger.Level?

    init(label: String, backend: LogBackend) {
        self.label = label
        self.backend = backend
    }

    var logLevel: Logger.Level {
        get { ownLevel ?? backend.level }
        set { ownLevel = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var all = metadata
        if let provided = metadataProvider?.get() { all.merge(provided) { _, new in new } }
        if let own = event.metadata { all.merge(own) { _, new in new } }
        if let error = event.error { all[LogKey.error] = "\(error)" }
        let pairs = all.map { ($0.key, "\($0.value)") }.sorted { $0.0 < $1.0 }
        let time = currentEventTime()
        backend.writer.write(
            backend.isJSON
                ? Self.json(time, event.level, label, event.message.description, pairs)
                : Self.text(time, event.level, label, event.message.description, pairs)
        )
    }

    static func text(
        _ time: EventTime,
        _ level: Logger.Level,
        _ label: String,
        _ message: String,
        _ pairs: [(String, String)]
    ) -> String {
        var line = "\(time.text) \(level.rawValue) \(label): "
        LineRendering.appendBare(message, to: &line)
        for (key, value) in pairs {
            line += " \(key)="
            LineRendering.appendText(value, to: &line)
        }
        return line
    }

    static func json(
        _ time: EventTime,
        _ level: Logger.Level,
        _ label: String,
        _ message: String,
        _ pairs: [(String, String)]
    ) -> String {
        var line = "{\"time\":\"\(time.text)\",\"level\":\"\(level.rawValue)\",\"logger\":"
        LineRendering.appendJSON(label, to: &line)
        line += ",\"message\":"
        LineRendering.appendJSON(message, to: &line)
        for (key, value) in pairs {
            line += ","
            LineRendering.appendJSON(key, to: &line)
            line += ":"
            LineRendering.appendJSON(value, to: &line)
        }
        line += "}"
        return line
    }
}
