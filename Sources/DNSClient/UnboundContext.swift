import CUnbound
import DNSCore
import MailSyntax

/// A libunbound context. Freed by ``free()``, or when the set-up fails.
///
/// `@unchecked Sendable`: after ``init(_:)`` the pointer is used by the resolver's one thread alone, so no lock is needed.
struct UnboundContext: @unchecked Sendable {
    let pointer: OpaquePointer

    init(_ settings: ResolverSettings) throws(ResolverSettingsError) {
        guard let pointer = ub_ctx_create() else {
            throw ResolverSettingsError(setting: "context", reason: "libunbound could not start")
        }
        self.pointer = pointer
        do {
            try configure(settings)
        } catch {
            ub_ctx_delete(pointer)
            throw error
        }
    }

    func free() {
        ub_ctx_delete(pointer)
    }

    private func configure(_ settings: ResolverSettings) throws(ResolverSettingsError) {
        try check("threads", ub_ctx_async(pointer, 1))
        let more = settings.usesForwarders ? Self.forwarderOptions : []
        for (option, value) in Self.options + more {
            try check(option, ub_ctx_set_option(pointer, option, value))
        }
        for forwarder in settings.forwarders {
            let text = "\(forwarder.address)@\(forwarder.port)"
            try check("forwarder \(text)", ub_ctx_set_fwd(pointer, text))
        }
        if let file = settings.resolvConf {
            try check("resolv.conf \(file)", ub_ctx_resolvconf(pointer, file))
        }
        try addTrustAnchor(settings)
        try addLocalData(settings)
    }

    private static let options: [(String, String)] = [
        // A forwarder on this machine is an ordinary thing.
        ("do-not-query-localhost:", "no"),
        ("unblock-lan-zones:", "yes"),
        ("insecure-lan-zones:", "yes"),
        ("qname-minimisation:", "yes"),
        ("use-syslog:", "no"),
        // By itself libunbound asks sixteen questions at a time, two of them over TCP: as many names whose servers are
        // silent would stop all others.
        ("outgoing-range:", "512"),
        ("num-queries-per-thread:", "512"),
        ("outgoing-num-tcp:", "32"),
        // Who was down is asked again, one question at a time, not for fifteen minutes left alone.
        ("infra-keep-probing:", "yes"),
    ]

    /// A forwarder that is silent about some names isn't slow about others: how long it took is soon forgotten, or its
    /// time limits would grow to minutes while strangers ask for such names alone.
    private static let forwarderOptions = [("infra-host-ttl:", "5")]

    private func addTrustAnchor(_ settings: ResolverSettings) throws(ResolverSettingsError) {
        switch settings.trustAnchor {
        case .none: break
        case .automatic: if !settings.usesForwarders { try addAnchors(ResolverSettings.rootAnchors) }
        case .root: try addAnchors(ResolverSettings.rootAnchors)
        case .records(let records): try addAnchors(records)
        case .file(let path): try check("trust anchor file \(path)", ub_ctx_add_ta_file(pointer, path))
        }
    }

    private func addAnchors(_ records: [String]) throws(ResolverSettingsError) {
        for record in records { try check("trust anchor \(record)", ub_ctx_add_ta(pointer, record)) }
    }

    /// The first call here finalises the context: options must all be set by now, and files have been read after it.
    private func addLocalData(_ settings: ResolverSettings) throws(ResolverSettingsError) {
        if settings.usesForwarders {
            // libunbound answers these itself (RFC 6761); whoever names a forwarder may well keep a zone there.
            for zone in ["test.", "invalid.", "onion.", "home.arpa."] {
                try check("zone \(zone)", ub_ctx_zone_add(pointer, zone, "transparent"))
            }
        }
        for host in settings.hosts {
            let name = host.name.hasSuffix(".") ? host.name : host.name + "."
            let record = "\(name) 300 IN \(host.address.isV6 ? "AAAA" : "A") \(host.address)"
            try check("host \(host.name)", ub_ctx_data_add(pointer, record))
        }
        for record in settings.localData {
            try check("local data \(record)", ub_ctx_data_add(pointer, record))
        }
    }

    private func check(_ setting: String, _ code: Int32) throws(ResolverSettingsError) {
        guard code != 0 else { return }
        throw ResolverSettingsError(setting: setting, reason: Self.message(code))
    }

    static func message(_ code: Int32) -> String {
        ub_strerror(code).map { String(cString: $0) } ?? "error \(code)"
    }

    /// Copies what libunbound answered; the caller frees the result afterwards.
    static func outcome(
        error: Int32,
        result: UnsafePointer<ub_result>?,
        type: DNSRecordType
    ) -> Result<DNSAnswer, DNSFailure> {
        guard error == 0, let result = result?.pointee else {
            return .failure(error == UB_SERVFAIL.rawValue ? .serverFailure(rcode: 2) : .unavailable(message(error)))
        }
        if result.bogus != 0 {
            return .failure(.bogus(result.why_bogus.map { String(cString: $0) } ?? "no reason given"))
        }
        let secure = result.secure != 0
        if result.nxdomain != 0 { return .failure(.nonexistentName(secure: secure)) }
        guard result.rcode == 0 else { return .failure(.serverFailure(rcode: Int(result.rcode))) }
        guard result.havedata != 0 else { return .failure(.noData(secure: secure)) }
        let records = copyRecords(result, type: type)
        guard !records.isEmpty else { return .failure(.malformed) }
        let canonicalName = result.canonname.map { String(cString: $0) }
        let timeToLive = Duration.seconds(Int64(max(0, result.ttl)))
        return .success(
            DNSAnswer(records: records, secure: secure, timeToLive: timeToLive, canonicalName: canonicalName)
        )
    }

    /// How long libunbound would keep a result. // RFC 2308 §5
    static func lifetime(_ result: UnsafePointer<ub_result>?) -> Duration {
        .seconds(Int64(max(0, result?.pointee.ttl ?? 0)))
    }

    private static func copyRecords(_ result: ub_result, type: DNSRecordType) -> [DNSRecord] {
        guard let data = result.data, let lengths = result.len else { return [] }
        var records: [DNSRecord] = []
        var index = 0
        while let item = data[index] {
            let bytes = [UInt8](UnsafeRawBufferPointer(start: item, count: Int(max(0, lengths[index]))))
            if let record = RecordData.parse(bytes, type: type) { records.append(record) }
            index += 1
        }
        return records
    }
}
