package import MailMessage
import NIOCore

/// The values of ENVELOPE and BODYSTRUCTURE as they are sent, made once when a message comes in and kept beside it: a
/// FETCH of a whole mailbox then copies them instead of taking each message's index apart.
package enum FetchText {
    /// Stands beside what is kept. Raise it with any change of what is written: texts of another version are made anew.
    package static let version = 2

    /// `(date subject …)`, for clients that have not said they know UTF-8. RFC 3501 §7.4.2
    package static func envelope(_ envelope: Envelope) -> [UInt8] {
        var buffer = ByteBuffer()
        buffer.writeEnvelope(envelope.inASCII)
        return Array(buffer.readableBytesView)
    }

    /// The structure with extension data, as BODYSTRUCTURE tells it to clients that have not said they know UTF-8.
    /// RFC 3501 §7.4.2
    package static func structure(_ root: MIMEPart) -> [UInt8] {
        var buffer = ByteBuffer()
        buffer.writeBodyStructure(root, .extended)
        return Array(buffer.readableBytesView)
    }

    /// Whether clients that know UTF-8 are told another structure than this: one with a message/global part. A text in
    /// it that looks like one counts too.
    package static func differsInUTF8(structure: UnsafeRawBufferPointer) -> Bool {
        guard let first = globalPart.first else { return false }
        var rest = structure[...]
        while let start = rest.firstIndex(of: first) {
            rest = rest[start...]
            if rest.starts(with: globalPart) { return true }
            rest = rest.dropFirst()
        }
        return false
    }

    private static let globalPart = Array("(\"message\" \"global\" ".utf8)
}
