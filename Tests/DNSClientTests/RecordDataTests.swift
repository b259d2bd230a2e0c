import DNSCore
import MailSyntax
import Testing

@Suite("Record data")
struct RecordDataTests {
    static let mx: [UInt8] = [0, 10, 2, 0x6D, 0x78, 7] + Array("example".utf8) + [0]

    @Test("Each type is read")
    func types() throws {
        #expect(RecordData.parse([192, 0, 2, 1], type: .a) == .address(try #require(IPAddress("192.0.2.1"))))
        let six = [0x20, 0x01, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [1]
        #expect(RecordData.parse(six, type: .aaaa) == .address(try #require(IPAddress("2001:db8::1"))))
        #expect(RecordData.parse(Self.mx, type: .mx) == .mailExchange(MailExchange(preference: 10, host: "mx.example")))
        #expect(RecordData.parse([0, 0, 0], type: .mx) == .mailExchange(MailExchange(preference: 0, host: "")))
        #expect(RecordData.parse([2, 0x61, 0x62, 0, 1, 0x63], type: .txt) == .text(Array("abc".utf8)))
        #expect(RecordData.parse([1, 0x61, 0], type: .ptr) == .pointer("a"))
        #expect(RecordData.parse([1, 0x61, 0], type: .cname) == .canonicalName("a"))
        #expect(RecordData.parse([1, 0x61, 0], type: .ns) == .nameServer("a"))
        let service = ServiceLocation(priority: 1, weight: 2, port: 587, target: "a")
        #expect(RecordData.parse([0, 1, 0, 2, 2, 75, 1, 0x61, 0], type: .srv) == .service(service))
        let association = TLSAssociation(usage: 3, selector: 1, matching: 1, data: [9, 9])
        #expect(RecordData.parse([3, 1, 1, 9, 9], type: .tlsa) == .tlsAssociation(association))
        #expect(
            RecordData.parse([0, 5] + Array("Issueca.example".utf8), type: .caa)
                == .authorization(CertificateAuthorization(tag: "issue", value: "ca.example")))
        #expect(RecordData.parse([0, 16] + [UInt8](repeating: 0x61, count: 20), type: .caa) == nil)
    }

    @Test("The null MX is known as such")
    func nullMX() {
        #expect(MailExchange(preference: 0, host: "").isNull)
        #expect(!MailExchange(preference: 0, host: "a").isNull)
    }

    @Test("Odd octets in names are escaped")
    func escapes() {
        let data: [UInt8] = [5, 0x61, 0x2E, 0x5C, 0x00, 0xFF, 0]
        #expect(RecordData.parse(data, type: .ptr) == .pointer("a\\.\\\\\\000\\255"))
    }

    @Test("Cut or lengthened data is refused", arguments: DNSRecordType.allCases)
    func cut(_ type: DNSRecordType) {
        let whole: [UInt8] =
            switch type {
            case .a: [192, 0, 2, 1]
            case .aaaa: [UInt8](repeating: 1, count: 16)
            case .mx: Self.mx
            case .txt: [2, 0x61, 0x62]
            case .srv: [0, 1, 0, 2, 2, 75, 1, 0x61, 0]
            case .tlsa: [3, 1, 1, 9]
            case .caa: [0, 1, 0x61]
            case .ns, .cname, .ptr: [1, 0x61, 0]
            }
        #expect(RecordData.parse(whole, type: type) != nil)
        for length in 0..<whole.count { #expect(RecordData.parse(Array(whole.prefix(length)), type: type) == nil) }
        if type != .tlsa, type != .caa { #expect(RecordData.parse(whole + [9], type: type) == nil) }
    }

    @Test("Compression and overlong names are refused")
    func hostileNames() {
        #expect(RecordData.parse([0xC0, 0], type: .ptr) == nil)
        #expect(RecordData.parse([64] + [UInt8](repeating: 0x61, count: 64) + [0], type: .ptr) == nil)
        let label: [UInt8] = [63] + [UInt8](repeating: 0x61, count: 63)
        let longest = label + label + label + [61] + [UInt8](repeating: 0x61, count: 61) + [0]
        #expect(longest.count == 255)
        #expect(RecordData.parse(longest, type: .ptr) != nil)
        let tooLong = label + label + label + [62] + [UInt8](repeating: 0x61, count: 62) + [0]
        #expect(RecordData.parse(tooLong, type: .ptr) == nil)
    }

    @Test("What may change is temporary, what is absent is not")
    func failures() {
        let absent: [DNSFailure] = [.nonexistentName(secure: false), .noData(secure: true)]
        #expect(absent.allSatisfy { $0.isAbsence && !$0.isTemporary })
        let temporary: [DNSFailure] = [
            .timeout, .serverFailure(rcode: 2), .bogus("x"), .malformed, .overloaded, .unavailable("x"), .cancelled,
        ]
        #expect(temporary.allSatisfy { $0.isTemporary && !$0.isAbsence })
    }
}
