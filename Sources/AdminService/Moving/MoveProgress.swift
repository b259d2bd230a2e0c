import Glibc
import MailMove

/// Shows how far an import or export is: a line that is written over on a terminal, plain lines otherwise. All of it goes
/// to standard error; what came of it is the command's result.
final class MoveProgress: MoveObserver {
    private(set) var messages = 0
    private(set) var known = 0
    private(set) var octets = 0
    private(set) var folders = 0
    /// Messages that were left out.
    private(set) var missing = 0
    private var path = ""
    private var total: Int?
    private var inFolder = 0
    private var hasLine = false
    private var shown = ContinuousClock.now
    private let started = ContinuousClock.now
    private let isTerminal: Bool
    /// Before each folder's name: whose it is.
    private let prefix: String

    /// Says nothing but remarks where nobody looks.
    private let isForTerminals: Bool

    init(prefix: String = "", isForTerminals: Bool = false) {
        self.prefix = prefix
        self.isForTerminals = isForTerminals
        isTerminal = isatty(STDERR_FILENO) == 1
    }

    func began(_ path: String, total: Int?) {
        endFolder()
        self.path = path
        self.total = total
        inFolder = 0
        folders += 1
        if isTerminal { show() }
    }

    func moved(messages: Int, known: Int, octets: Int) {
        self.messages += messages - known
        self.known += known
        self.octets += octets
        inFolder += messages
        guard ContinuousClock.now - shown > (isTerminal ? .milliseconds(200) : .seconds(10)) else { return }
        show()
    }

    func remark(_ text: String) {
        clear()
        StandardError.write("martlet: \(TextTable.clean(text))\n")
    }

    func passedOver(_ file: UnreadableFile) {
        missing += 1
        remark(file.description)
    }

    /// To be called at the end.
    func finish() {
        endFolder()
    }

    /// What came of all of it.
    func summary(_ verb: String) -> String {
        let duration = ContinuousClock.now - started
        var text = "\(verb) \(messages) messages (\(Readable.size(octets))) of \(folders) mailboxes"
        if known > 0 { text += "; \(known) were there already" }
        if missing > 0 { text += "; \(missing) were passed over: see above" }
        return text + ", in \(Readable.duration(duration))"
    }

    private func endFolder() {
        guard !path.isEmpty else { return }
        clear()
        if !isTerminal, !isForTerminals {
            StandardError.write("\(prefix)\(TextTable.clean(path)): \(inFolder) messages\n")
        }
        path = ""
    }

    private func show() {
        shown = ContinuousClock.now
        let name = TextTable.clean(prefix + path)
        guard isTerminal else {
            guard !isForTerminals else { return }
            let of = total.map { " of \($0)" } ?? ""
            StandardError.write("\(name): \(inFolder)\(of) messages so far\n")
            return
        }
        var bar = ""
        if let total, total > 0 {
            let done = min(20, inFolder * 20 / total)
            bar = "[" + String(repeating: "#", count: done) + String(repeating: "-", count: 20 - done) + "] "
        }
        let of = total.map { "/\($0)" } ?? ""
        let seconds = max(1, (ContinuousClock.now - started).components.seconds)
        let speed = octets > 0 ? ", \(Readable.size(octets / Int(seconds)))/s" : ""
        StandardError.write("\r\u{1B}[K\(bar)\(name.prefix(30)) \(inFolder)\(of)\(speed)")
        hasLine = true
    }

    private func clear() {
        guard hasLine else { return }
        StandardError.write("\r\u{1B}[K")
        hasLine = false
    }
}
