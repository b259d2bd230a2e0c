import MailSyntax
import Testing

@testable import MailConfig

@Suite struct OpenRelayTests {
    private func findings(_ text: String) throws -> [String] {
        let whole = "server: {hostname: mail.example.org}\n" + text
        switch ManifestLoader.load(text: whole, file: "m.yaml") {
        case .success: return []
        case .failure(let errors): return errors.diagnostics.map(\.message)
        }
    }

    @Test(arguments: [
        "0.0.0.0/0", "::/0", "0.0.0.0/1", "128.0.0.0/1", "64.0.0.0/7", "2000::/3", "2a00::/12", "::ffff:0.0.0.0/96",
        "10.0.0.0/7", "11.0.0.0/8, 12.0.0.0/8",
    ])
    func `trusting much of the internet is refused`(networks: String) throws {
        let list = networks.split(separator: ",").map { "\"\($0.drop { $0 == " " })\"" }.joined(separator: ", ")
        for permit in ["either", "network"] {
            let text = "relay: {networks: [\(list)], permit: \(permit)}"
            #expect(try findings(text).first?.contains("anybody on the internet") == true)
            #expect(try findings(text.dropLast() + ", accept_risk: [open-relay]}") == [])
        }
        for permit in ["both", "login"] {
            #expect(try findings("relay: {networks: [\(list)], permit: \(permit)}") == [])
        }
    }

    @Test(arguments: [
        "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "203.0.113.0/24", "17.0.0.0/8", "fc00::/7",
        "fe80::/10", "2001:db8::/32", "::1",
    ])
    func `one's own networks are not`(network: String) throws {
        #expect(try findings("relay: {networks: [\"\(network)\"]}") == [])
    }

    @Test(arguments: ["*", "com", ".com"])
    func `taking mail for everybody's domains is refused`(pattern: String) throws {
        #expect(try findings("relay: {domains: [\"\(pattern)\"]}").first?.contains("from anybody") == true)
    }
}
