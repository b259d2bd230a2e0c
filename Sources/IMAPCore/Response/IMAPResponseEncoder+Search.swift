package import MailMessage
import NIOCore

extension IMAPResponseEncoder {
    // RFC 3501 §7.2.5, RFC 7162 §3.1.5
    /// - Parameter modSequence: the highest of the messages found; only when the search used MODSEQ and found something.
    package mutating func search(_ numbers: some Sequence<UInt32>, modSequence: UInt64? = nil) {
        listed("* SEARCH", numbers, modSequence)
    }

    // RFC 5256 §4, RFC 7162 §3.1.5
    /// - Parameter numbers: in the order asked for.
    package mutating func sort(_ numbers: some Sequence<UInt32>, modSequence: UInt64? = nil) {
        listed("* SORT", numbers, modSequence)
    }

    private mutating func listed(_ start: StaticString, _ numbers: some Sequence<UInt32>, _ modSequence: UInt64?) {
        buffer.writeStaticString(start)
        for number in numbers {
            buffer.writeOctet(" ")
            buffer.writeDecimal(number)
        }
        if let modSequence {
            buffer.writeStaticString(" (MODSEQ ")
            buffer.writeDecimal(modSequence)
            buffer.writeOctet(")")
        }
        buffer.writeCRLF()
    }

    // RFC 5256 §4 (thread-data)
    /// - Parameter numbers: what each node of the forest is called.
    package mutating func thread(_ forest: ThreadForest, numbers: [UInt32]) {
        buffer.writeStaticString("* THREAD")
        if !forest.roots.isEmpty { buffer.writeOctet(" ") }
        // A stack of its own: a client chooses how deep the threads are.
        enum Step {
            case open(Int)
            case close
        }
        var steps = forest.roots.reversed().map { Step.open($0) }
        while let step = steps.popLast() {
            guard case .open(let first) = step else {
                buffer.writeOctet(")")
                continue
            }
            buffer.writeOctet("(")
            let children = threadMembers(from: first, forest, numbers)
            if children.isEmpty {
                buffer.writeOctet(")")
            } else {
                steps.append(.close)
                for child in children.reversed() { steps.append(.open(child)) }
            }
        }
        buffer.writeCRLF()
    }

    /// Writes a node and its descendants as long as each is the only child.
    /// - Returns: the children at the end, each a list of its own.
    private mutating func threadMembers(from first: Int, _ forest: ThreadForest, _ numbers: [UInt32]) -> [Int] {
        var node = first
        var isFirst = true
        while true {
            if forest.isMessage(node), numbers.indices.contains(node) {
                if !isFirst { buffer.writeOctet(" ") }
                buffer.writeDecimal(numbers[node])
                isFirst = false
            }
            let children = forest.children(of: node)
            guard children.count == 1 else {
                if !children.isEmpty, !isFirst { buffer.writeOctet(" ") }
                return children
            }
            node = children[0]
        }
    }

    // RFC 4731 §3.1
    package mutating func esearch(_ result: IMAPSearchResult) {
        buffer.writeStaticString("* ESEARCH (TAG \"")
        buffer.writeString(result.tag)
        buffer.writeStaticString("\"")
        if let origin = result.origin {
            // RFC 7377 §4 (one-correlator)
            buffer.writeStaticString(" MAILBOX ")
            write(origin.mailbox)
            buffer.writeStaticString(" UIDVALIDITY ")
            buffer.writeDecimal(origin.uidValidity)
        }
        buffer.writeOctet(")")
        if result.numbering == .uid { buffer.writeStaticString(" UID") }
        if let min = result.min { pair(" MIN ", UInt64(min)) }
        if let max = result.max { pair(" MAX ", UInt64(max)) }
        if let all = result.all, !all.isEmpty {
            buffer.writeStaticString(" ALL ")
            buffer.writeNumberSet(all)
        }
        if let partial = result.partial {
            // RFC 9394 §4 (ret-data-partial)
            buffer.writeStaticString(" PARTIAL (")
            buffer.writeString(partial.range.text)
            buffer.writeOctet(" ")
            if partial.numbers.isEmpty {
                buffer.writeStaticString("NIL")
            } else {
                buffer.writeNumberSet(partial.numbers)
            }
            buffer.writeOctet(")")
        }
        if let count = result.count { pair(" COUNT ", UInt64(clamping: count)) }
        for update in result.updates {
            // RFC 5267 §5 (ret-data-addto, ret-data-removefrom)
            buffer.writeStaticString(update.isAddition ? " ADDTO (" : " REMOVEFROM (")
            buffer.writeDecimal(update.position)
            buffer.writeOctet(" ")
            buffer.writeNumberSet(update.numbers)
            buffer.writeOctet(")")
        }
        if let modSequence = result.modSequence { pair(" MODSEQ ", modSequence) }
        buffer.writeCRLF()
    }

    private mutating func pair(_ name: StaticString, _ value: UInt64) {
        buffer.writeStaticString(name)
        buffer.writeDecimal(value)
    }
}

/// What ESEARCH says; nil items are left out.
package struct IMAPSearchResult: Hashable, Sendable {
    /// A part of the result. RFC 9394 §3.1
    package struct Part: Hashable, Sendable {
        package let range: PartialRange
        /// In the order of the result; empty where it has none of them.
        package let numbers: [ClosedRange<UInt32>]

        package init(range: PartialRange, numbers: [ClosedRange<UInt32>]) {
            self.range = range
            self.numbers = numbers
        }
    }

    /// A change of a result that is followed. RFC 5267 §4.3.2
    package struct Update: Hashable, Sendable {
        /// ADDTO, else REMOVEFROM.
        package let isAddition: Bool
        /// The place in the result, from 1; 0 for mailbox order.
        package let position: Int
        /// Not empty.
        package let numbers: [ClosedRange<UInt32>]

        package init(isAddition: Bool, position: Int, numbers: [ClosedRange<UInt32>]) {
            self.isAddition = isAddition
            self.position = position
            self.numbers = numbers
        }
    }

    /// The mailbox, where several were searched. RFC 7377 §2.1
    package struct Origin: Hashable, Sendable {
        package let mailbox: IMAPMailboxName
        package let uidValidity: UInt32

        package init(mailbox: IMAPMailboxName, uidValidity: UInt32) {
            self.mailbox = mailbox
            self.uidValidity = uidValidity
        }
    }

    /// Of the SEARCH command.
    package var tag: String
    package var numbering: SearchCommand.Numbering
    package var origin: Origin?
    package var min: UInt32?
    package var max: UInt32?
    /// In the order of the result; left out when empty, as RFC 4731 §3.1 wants.
    package var all: [ClosedRange<UInt32>]?
    package var partial: Part?
    package var count: Int?
    package var updates: [Update] = []
    package var modSequence: UInt64?

    package init(tag: String, numbering: SearchCommand.Numbering) {
        self.tag = tag
        self.numbering = numbering
    }
}
