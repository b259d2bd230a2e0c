import MailIntake
import MailMessage
import MailPolicy
import MailSyntax
import SMTPCore

// REQUIRETLS and TLS-Required: what a sender asks of TLS on the way out.
extension SMTPConversation {
    private static let fieldName = Array("tls-required".utf8)

    /// The parameter goes before the field. // RFC 8689 §4.1
    static func tlsDemand(_ sender: SMTPSender, _ header: [UInt8]) -> TLSDemand {
        guard !sender.requiresTLS else { return .required }
        guard mayHold(fieldName, header) else { return .none }
        let fields = HeaderBlock(parsing: header).fields.filter { $0.isNamed("TLS-Required") }
        // RFC 8689 §3: one of them, which says "No".
        guard fields.count == 1, let value = fields.first?.unfolded else { return .none }
        let word = value.filter { $0 != 0x20 && $0 != 0x09 }.map { $0 | 0x20 }
        return word == Array("no".utf8) ? .optional : .none
    }

    /// All that goes on from here has the mark, whoever it is for. // RFC 8689 §4.1
    func note(_ demand: TLSDemand, _ acceptance: inout Acceptance) {
        guard let step = Policy.step(of: demand) else { return }
        acceptance.tlsDemand = demand
        acceptance.trace.append(step)
    }
}
