import MailSyntax

/// What an evaluation found, step by step, up to a bound.
struct SPFTrace: Sendable {
    var limit = 0
    private(set) var steps: [SPFStep] = []
    /// Networks in a row that don't match: one step tells of all of them.
    private var passed: (depth: Int, text: String, count: Int, client: IPAddress)?

    mutating func note(_ depth: Int, _ text: String) {
        tellPassed()
        guard steps.count < limit else { return }
        steps.append(SPFStep(depth: depth, text: SPFText.printable(text.utf8, limit: 1200)))
    }

    mutating func pass(_ depth: Int, _ text: String, _ client: IPAddress) {
        guard steps.count < limit else { return }
        if let passed, passed.depth == depth {
            self.passed = (depth, passed.text, passed.count + 1, client)
        } else {
            tellPassed()
            passed = (depth, text, 1, client)
        }
    }

    private mutating func tellPassed() {
        guard let passed else { return }
        self.passed = nil
        guard steps.count < limit else { return }
        let more = passed.count > 1 ? " and \(passed.count - 1) more networks do" : ": does"
        steps.append(SPFStep(depth: passed.depth, text: "\(passed.text)\(more) not match"))
    }
}
