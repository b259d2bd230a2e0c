package import Telemetry

/// Writes mail events into the log's stream, or into a file of their own.
package struct LogEventSink: MailEventSink {
    private let backend: LogBackend
    private let file: LogWriter?

    /// - Parameter file: nil writes beside the log lines.
    package init(backend: LogBackend, file: LogWriter? = nil) {
        self.backend = backend
        self.file = file
    }

    package func record(_ event: MailEvent) {
        let time = currentEventTime()
        let line = backend.isJSON ? renderJSON(event, at: time) : renderText(event, at: time)
        (file ?? backend.writer).write(line)
    }
}
