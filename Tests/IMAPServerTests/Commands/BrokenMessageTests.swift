import Blobs
import Glibc
import IMAPCore
import MailMessage
import MailStore
import SQLEngine
import Testing

@testable import IMAPServer

@Suite("Broken messages", .timeLimit(.minutes(10)))
struct BrokenMessageTests {
    struct Broken: Sendable, CustomTestStringConvertible {
        let name: String
        let octets: [UInt8]
        var testDescription: String { name }

        init(_ name: String, _ text: String) {
            self.init(name, Array(text.utf8))
        }

        init(_ name: String, _ octets: [UInt8]) {
            self.name = name
            self.octets = octets
        }
    }

    static let messages: [Broken] = [
        Broken("no header at all", "\r\n"),
        Broken("a header without end", "Subject: x"),
        Broken("lone CR and lone LF", "Subject: a\rb\nFrom: c\r\n\r\n\r\rbody\n\r\n\r"),
        Broken("NUL in header and body", "Subject: a\0b\r\n\0: x\r\n\r\nbo\0dy\0"),
        Broken(
            "8-bit header",
            Array("Subject: ".utf8) + [0xE4, 0xFF, 0xFE] + Array("\r\nFrom: ".utf8) + [0xC3] + Array("\r\n\r\n".utf8)),
        Broken("multipart without boundary", "Content-Type: multipart/mixed\r\n\r\nbody\r\n"),
        Broken("multipart without parts", "Content-Type: multipart/mixed; boundary=b\r\n\r\nbody\r\n"),
        Broken("a boundary that never closes", "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b"),
        Broken("an empty boundary", "Content-Type: multipart/mixed; boundary=\"\"\r\n\r\n--\r\n\r\nx\r\n----\r\n"),
        Broken(
            "quotes and braces",
            "Subject: \"{5}\r\n \\\" (\r\nFrom: \"a\\\"b\" <{3}@x>\r\nTo: (((\r\nContent-Type: \"/\"\r\n\r\nx"),
        Broken(
            "a charset that isn't",
            "Content-Type: text/plain; charset=\"no\\such{1}\"\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!=A"),
        Broken("an encoding that isn't", "Content-Transfer-Encoding: x-odd\r\n\r\nx"),
        Broken(
            "base64 of a multipart",
            "Content-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: base64\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n"
        ),
        Broken("a message in a message that isn't there", "Content-Type: message/rfc822\r\n\r\n"),
        Broken(
            "a hundred thousand recipients",
            "To: " + (0..<100_000).map { "a\($0)@example.org" }.joined(separator: ",\r\n ") + "\r\n\r\nx"),
        Broken("ten thousand levels", nested(10_000)),
        Broken(
            "ten thousand messages in messages",
            String(repeating: "Content-Type: message/rfc822\r\n\r\n", count: 10_000)),
        Broken(
            "five thousand parts",
            "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + String(repeating: "--b\r\n\r\nx\r\n", count: 5000)),
        Broken("a line of a megabyte", "Subject: x\r\n\r\n" + String(repeating: "y", count: 1 << 20)),
        Broken("ten thousand fields", String(repeating: "X: y\r\n", count: 10_000) + "\r\nx"),
    ]

    private static func nested(_ depth: Int) -> String {
        (0..<depth).map { "Content-Type: multipart/mixed; boundary=b\($0)\r\n\r\n--b\($0)\r\n" }.joined() + "\r\nx"
    }

    @Test("every one is answered by the grammar, and its octets come back as they are", arguments: messages)
    func answered(message: Broken) async throws {
        try await TestServer.run { server in
            try await server.deliver(octets: message.octets)
            try await server.session { client in
                #expect(await client.command("SELECT INBOX").isOK)
                let told = "ENVELOPE BODYSTRUCTURE BODY PREVIEW BINARY.SIZE[1]"
                let reply = await client.command(
                    "UID FETCH 1 (\(told) BODY.PEEK[HEADER] BODY.PEEK[1.MIME] BODY.PEEK[1.1.1])")
                #expect(reply.isOK || reply.tagged.hasPrefix("NO [UNKNOWN-CTE]"), "\(reply.tagged)")
                // What is no UTF-8 is longer in a String than it was; IMAPCoreTests read such answers as octets.
                for line in reply.untagged where !line.contains("\u{FFFD}") {
                    let isStrict = try StrictResponse.check(Array(line.utf8))
                    #expect(isStrict, "\(line.prefix(500))")
                }
                #expect(reply.untagged.count == 1)
                // A NUL can't be sent, and goes out as 0x80. RFC 3501 §9 (CHAR8)
                let expected = message.octets.map { $0 == 0 ? 0x80 : $0 }
                await client.send("o FETCH 1 BODY.PEEK[]\r\n")
                let whole = await client.reply(to: "o").untagged.first ?? ""
                #expect(
                    whole
                        == String(
                            decoding: Array("* 1 FETCH (BODY[] {\(expected.count)}\r\n".utf8) + expected
                                + Array(")".utf8), as: UTF8.self))
                #expect(await client.command("SEARCH TEXT body").isOK)
                #expect(await client.command("NOOP").isOK)
            }
        }
    }

    @Test(
        "a message whose file is gone, cut short or empty is told, and the others live",
        arguments: ["gone", "short", "empty"])
    func missingBlob(how: String) async throws {
        try await TestServer.run { server in
            for number in 1...3 {
                try await server.deliver(
                    sampleMessage("m\(number)", body: String(repeating: "line\r\n", count: 100_000)))
            }
            let path = try #require(server.blobFiles().sorted().dropFirst().first)
            switch how {
            case "gone": unlink(path)
            case "short": truncate(path, 1000)
            default: truncate(path, 0)
            }
            try await server.inbox { client in
                for item in [
                    "BODY.PEEK[TEXT]<0.50000>", "BODY.PEEK[]<2000.50>", "BINARY.PEEK[1]<9000.50>", "BINARY.SIZE[1]",
                ] {
                    let reply = await client.command("FETCH 1:3 (UID \(item))")
                    #expect(reply.tagged.hasPrefix("NO [CORRUPTION]") || reply.isOK, "\(item): \(reply.tagged)")
                    #expect(reply.untagged.count == 3)
                    #expect(await client.command("FETCH 1:3 (ENVELOPE BODYSTRUCTURE PREVIEW BODY.PEEK[HEADER])").isOK)
                }
                if how == "gone" {
                    #expect(await client.command("FETCH 2 BODY.PEEK[]").untagged == ["* 2 FETCH (BODY[] NIL)"])
                    #expect(await client.command("APPEND INBOX CATENATE (URL /INBOX/;UID=2)").tagged.hasPrefix("NO ["))
                }
                #expect(await client.command("STATUS INBOX (MESSAGES)").untagged == ["* STATUS INBOX (MESSAGES 3)"])
            }
        }
    }

    @Test("of many that are read ahead each gets its own octets, and the one that is gone is told")
    func manyWithOneGone() async throws {
        try await TestServer.run { server in
            for number in 1...40 { try await server.deliver(sampleMessage("m\(number)", body: "body \(number).\r\n")) }
            unlink(try #require(server.blobFiles().sorted().dropFirst(19).first))
            try await server.inbox { client in
                let reply = await client.command("FETCH 1:40 BODY.PEEK[]")
                #expect(reply.tagged.hasPrefix("NO [CORRUPTION]") || reply.isOK, "\(reply.tagged)")
                #expect(reply.untagged.count == 40)
                for (number, line) in zip(1..., reply.untagged) {
                    #expect(
                        number == 20
                            ? line == "* 20 FETCH (BODY[] NIL)"
                            : line.hasPrefix("* \(number) FETCH (BODY[] {") && line.contains("body \(number)."),
                        "\(line)")
                }
            }
        }
    }
}

/// Reads an untagged FETCH as strictly as the grammar writes it: atoms, numbers, strings, literals and lists.
enum StrictResponse {
    struct Malformed: Error, CustomStringConvertible {
        let description: String
    }

    static func check(_ line: [UInt8]) throws -> Bool {
        var index = 0
        func fail(_ what: String) -> Malformed { Malformed(description: "\(what) at octet \(index)") }
        func take(_ text: String) throws {
            guard line[index...].starts(with: text.utf8) else { throw fail("expected \(text)") }
            index += text.utf8.count
        }
        func number() throws -> Int {
            let digits = line[index...].prefix { (0x30...0x39).contains($0) }
            guard let value = Int(String(decoding: digits, as: UTF8.self)) else { throw fail("expected a number") }
            index = digits.endIndex
            return value
        }
        func value(depth: Int) throws {
            guard depth < 200 else { throw fail("too deep") }
            switch index < line.count ? line[index] : 0 {
            case UInt8(ascii: "("):
                index += 1
                var isList = false
                while index < line.count, line[index] != UInt8(ascii: ")") {
                    if line[index] == UInt8(ascii: " ") {
                        index += 1
                    } else if isList, line[index] != UInt8(ascii: "(") {
                        throw fail("expected a space")
                    }
                    isList = index < line.count && line[index] == UInt8(ascii: "(")
                    try value(depth: depth + 1)
                }
                try take(")")
            case UInt8(ascii: "\""):
                index += 1
                while index < line.count, line[index] != UInt8(ascii: "\"") {
                    if line[index] == UInt8(ascii: "\\") { index += 1 }
                    guard index < line.count, (0x20...0x7E).contains(line[index]) else {
                        throw fail("an octet that may not be quoted")
                    }
                    index += 1
                }
                try take("\"")
            case UInt8(ascii: "~"), UInt8(ascii: "{"):
                if line[index] == UInt8(ascii: "~") { index += 1 }
                try take("{")
                let size = try number()
                try take("}\r\n")
                guard index + size <= line.count else { throw fail("a literal beyond the end") }
                index += size
            default:
                let atom = line[index...].prefix { $0 > 0x20 && $0 < 0x7F && !"(){%*\"\\".utf8.contains($0) }
                guard !atom.isEmpty else { throw fail("expected a value") }
                index = atom.endIndex
                // BODY[HEADER.FIELDS (…)]
                if atom.contains(UInt8(ascii: "[")), !atom.contains(UInt8(ascii: "]")) {
                    try take(" ")
                    try value(depth: depth + 1)
                    try take("]")
                }
            }
        }
        try take("* ")
        _ = try number()
        try take(" FETCH ")
        try value(depth: 0)
        guard index == line.count else { throw fail("more than one response") }
        return true
    }
}
