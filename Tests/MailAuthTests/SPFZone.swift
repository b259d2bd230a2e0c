import DNSCore
import Foundation
import MailSyntax
import MartletTesting
import Yams

@testable import MailAuth

/// The records of one scenario of the OpenSPF test suite, with its ways to fail.
struct SPFZone: DNSResolver {
    enum Entry {
        case record(DNSRecordType, DNSRecord)
        /// This type is not answered in time.
        case silence(DNSRecordType)
        /// Types that have no record above are not answered in time.
        case silentElse
    }

    private var names: [String: [Entry]] = [:]

    /// - Parameter data: name → list of `TYPE: value`, as in the suite's files.
    init(_ data: Node) throws {
        for (name, list) in data.mapping ?? [:] {
            names[Self.key(name.string ?? "")] = try Self.entries(list)
        }
    }

    func resolve(_ name: String, _ type: DNSRecordType) async -> Result<DNSAnswer, DNSFailure> {
        resolve(Self.canonical(name), type, following: 0)
    }

    private func resolve(_ name: String, _ type: DNSRecordType, following: Int) -> Result<DNSAnswer, DNSFailure> {
        guard let entries = names[name] else { return .failure(.nonexistentName(secure: false)) }
        var records: [DNSRecord] = []
        for entry in entries {
            switch entry {
            case .record(type, let record): records.append(record)
            case .record(.cname, .canonicalName(let target)):
                guard following < 8 else { return .failure(.serverFailure(rcode: 2)) }
                return resolve(Self.canonical(target), type, following: following + 1)
            case .silence(type): return .failure(.timeout)
            case .silentElse: if records.isEmpty { return .failure(.timeout) }
            default: break
            }
        }
        return records.isEmpty ? .failure(.noData(secure: false)) : .success(DNSAnswer(records: records))
    }

    // MARK: Reading

    private static func entries(_ list: Node) throws -> [Entry] {
        var entries: [Entry] = []
        var policies: [Entry] = []
        var hasTexts = false
        for item in list.sequence ?? [] {
            guard let mapping = item.mapping else {
                entries.append(.silentElse)
                continue
            }
            for (type, value) in mapping {
                switch (type.string ?? "", value.string) {
                case ("TXT", "NONE"): hasTexts = true
                case (let type, "TIMEOUT"): entries.append(.silence(try self.type(type)))
                case ("SPF", _): policies.append(.record(.txt, text(value)))
                case ("TXT", _):
                    hasTexts = true
                    entries.append(.record(.txt, text(value)))
                case (let type, _): entries.append(.record(try self.type(type), try record(type, value)))
                }
            }
        }
        // The suite writes policies once and means both of the types that there were.
        return hasTexts ? entries : policies + entries
    }

    private static func text(_ value: Node) -> DNSRecord {
        let strings = value.string.map { [$0] } ?? value.sequence.map { $0.compactMap(\.string) } ?? []
        return .text(Array(strings.joined().utf8))
    }

    private static func type(_ name: String) throws -> DNSRecordType {
        guard let type = DNSRecordType.allCases.first(where: { $0.description == name }) else {
            throw ProcessFailure("the suite has a record of type \(name)")
        }
        return type
    }

    private static func record(_ type: String, _ value: Node) throws -> DNSRecord {
        let text = value.string ?? ""
        switch type {
        case "A", "AAAA": if let address = IPAddress(text) { return .address(address) }
        case "PTR": return .pointer(text)
        case "CNAME": return .canonicalName(text)
        case "MX":
            let pair = value.sequence ?? []
            return .mailExchange(
                MailExchange(preference: UInt16(pair.first?.int ?? 0), host: key(pair.last?.string ?? "")))
        default: break
        }
        throw ProcessFailure("a record that can't be read: \(type) \(text)")
    }

    /// A name of the files, where blanks are not escaped.
    private static func key(_ name: String) -> String {
        canonical(name.replacingOccurrences(of: " ", with: "\\032"))
    }

    private static func canonical(_ name: String) -> String {
        let name = name.lowercased()
        return name.hasSuffix(".") ? String(name.dropLast()) : name
    }
}

extension SPFResult {
    /// Checks what is written as in the suites: an empty sender is nobody, and addresses need not be addresses.
    static func of(
        client: String, helo: String, sender: String, resolver: any DNSResolver, receiver: String = "unknown",
        limits: SPFLimits = SPFLimits()
    ) async throws -> SPFResult {
        guard let address = IPAddress(client) else { throw ProcessFailure("no address: \(client)") }
        return await SPFChecker.check(
            client: address, helo: helo, writtenSender: sender, resolver: resolver, limits: limits, receiver: receiver,
            now: Timestamp(seconds: 1_700_000_000))
    }
}
