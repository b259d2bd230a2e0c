import MailSyntax

/// Reads the uncompressed data of one record.
package struct RecordData: Sendable {
    private var rest: ArraySlice<UInt8>

    package init(_ bytes: [UInt8]) {
        rest = bytes[...]
    }

    /// The record in `bytes`, or nil when they are not a well-formed record of the type.
    package static func parse(_ bytes: [UInt8], type: DNSRecordType) -> DNSRecord? {
        var data = RecordData(bytes)
        guard let record = data.record(type), data.rest.isEmpty else { return nil }
        return record
    }

    private mutating func record(_ type: DNSRecordType) -> DNSRecord? {
        switch type {
        case .a: takeAddress(octets: 4)  // RFC 1035 §3.4.1
        case .aaaa: takeAddress(octets: 16)  // RFC 3596 §2.2
        case .ns: takeName().map(DNSRecord.nameServer)
        case .cname: takeName().map(DNSRecord.canonicalName)
        case .ptr: takeName().map(DNSRecord.pointer)
        case .mx: takeMailExchange()
        case .txt: takeText()
        case .srv: takeService()
        case .tlsa: takeTLSAssociation()
        case .caa: takeAuthorization()
        }
    }

    private mutating func takeAddress(octets: Int) -> DNSRecord? {
        guard rest.count == octets else { return nil }
        defer { rest = [] }
        return IPAddress(bytes: Array(rest)).map(DNSRecord.address)
    }

    private mutating func takeMailExchange() -> DNSRecord? {
        guard let preference = takeUInt16(), let host = takeName() else { return nil }
        return .mailExchange(MailExchange(preference: preference, host: host))
    }

    // RFC 1035 §3.3.14
    private mutating func takeText() -> DNSRecord? {
        guard !rest.isEmpty else { return nil }
        var text: [UInt8] = []
        while let count = rest.popFirst() {
            guard rest.count >= Int(count) else { return nil }
            text += rest.prefix(Int(count))
            rest = rest.dropFirst(Int(count))
        }
        return .text(text)
    }

    private mutating func takeService() -> DNSRecord? {
        guard let priority = takeUInt16(), let weight = takeUInt16(), let port = takeUInt16(), let target = takeName()
        else { return nil }
        return .service(ServiceLocation(priority: priority, weight: weight, port: port, target: target))
    }

    private mutating func takeTLSAssociation() -> DNSRecord? {
        guard let usage = rest.popFirst(), let selector = rest.popFirst(), let matching = rest.popFirst(), !rest.isEmpty
        else { return nil }
        defer { rest = [] }
        return .tlsAssociation(
            TLSAssociation(usage: usage, selector: selector, matching: matching, data: Array(rest))
        )
    }

    // RFC 8659 §4.1
    private mutating func takeAuthorization() -> DNSRecord? {
        guard let flags = rest.popFirst(), let length = rest.popFirst(), (1...15).contains(length),
            rest.count >= Int(length)
        else { return nil }
        let tag = String(decoding: rest.prefix(Int(length)), as: UTF8.self).lowercased()
        let value = String(decoding: rest.dropFirst(Int(length)), as: UTF8.self)
        rest = []
        return .authorization(CertificateAuthorization(flags: flags, tag: tag, value: value))
    }

    private mutating func takeUInt16() -> UInt16? {
        guard let high = rest.popFirst(), let low = rest.popFirst() else { return nil }
        return UInt16(high) << 8 | UInt16(low)
    }

    /// A name in presentation form without the final dot; compression is refused. // RFC 1035 §3.1
    private mutating func takeName() -> String? {
        var labels: [String] = []
        var octets = 1
        while let length = rest.popFirst() {
            if length == 0 { return labels.joined(separator: ".") }
            guard length <= 63, rest.count >= Int(length) else { return nil }
            octets += Int(length) + 1
            guard octets <= 255 else { return nil }
            labels.append(Self.presentation(of: rest.prefix(Int(length))))
            rest = rest.dropFirst(Int(length))
        }
        return nil
    }

    /// Dots, backslashes and what is not printable ASCII are escaped. // RFC 1035 §5.1
    private static func presentation(of label: ArraySlice<UInt8>) -> String {
        var text = ""
        for octet in label {
            switch octet {
            case UInt8(ascii: "."), UInt8(ascii: "\\"):
                text += "\\"
                text.unicodeScalars.append(Unicode.Scalar(octet))
            case 0x21...0x7E:
                text.unicodeScalars.append(Unicode.Scalar(octet))
            default:
                let digits = String(octet)
                text += "\\" + String(repeating: "0", count: 3 - digits.count) + digits
            }
        }
        return text
    }
}
