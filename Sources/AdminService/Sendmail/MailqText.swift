import MailSyntax

/// The queue as Postfix's `mailq` prints it, which scripts read.
enum MailqText {
    static func render(_ list: [QueueSummary]) -> String {
        guard !list.isEmpty else { return "Mail queue is empty\n" }
        var text = "----Queue ID----- --Size-- ---Arrival Time---- --Sender/Recipient------\n"
        var octets = 0
        for message in list {
            octets += message.size
            text += entry(message) + "\n"
        }
        // 1024 octets each, rounded up, as there.
        let plural = list.count == 1 ? "" : "s"
        return text + "-- \((octets + 1023) / 1024) Kbytes in \(list.count) Request\(plural).\n"
    }

    private static func entry(_ message: QueueSummary) -> String {
        let isActive = message.recipients.contains { $0.state == "active" }
        let mark = message.held ? "!" : isActive ? "*" : ""
        let sender = message.from.isEmpty ? "MAILER-DAEMON" : message.from
        let id = left("\(message.id)\(mark)", 17)
        var text =
            "\(id) \(right("\(message.size)", 8)) \(right(time(message.arrived), 19)) \(TextTable.clean(sender))\n"
        var reason: String?
        for recipient in message.recipients where recipient.state != "delivered" {
            if let reply = recipient.lastReply, reply != reason {
                text += right("(\(TextTable.clean(reply)))", 76) + "\n"
                reason = reply
            }
            text += String(repeating: " ", count: 47) + TextTable.clean(recipient.address) + "\n"
        }
        return text
    }

    /// `Sat Nov 21 07:20:13` of `2026-11-21T07:20:13Z`.
    private static func time(_ stamp: String) -> String {
        let numbers = stamp.split { !$0.isNumber }.prefix(6).compactMap { Int($0) }
        guard numbers.count == 6, (1...12).contains(numbers[1]) else { return stamp }
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let days = ["Sat", "Sun", "Mon", "Tue", "Wed", "Thu", "Fri"]
        // Zeller's congruence.
        let (year, month) = numbers[1] < 3 ? (numbers[0] - 1, numbers[1] + 12) : (numbers[0], numbers[1])
        let weekday = (numbers[2] + 13 * (month + 1) / 5 + year + year / 4 - year / 100 + year / 400) % 7
        let clock = numbers[3...].map { $0 < 10 ? "0\($0)" : "\($0)" }.joined(separator: ":")
        return "\(days[weekday]) \(months[numbers[1] - 1]) \(right("\(numbers[2])", 2)) \(clock)"
    }

    private static func left(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    private static func right(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }
}
