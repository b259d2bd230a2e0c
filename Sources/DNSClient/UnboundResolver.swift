package import DNSCore

/// Resolves with libunbound: validating, caching, and independent of the host's resolver unless told otherwise.
///
/// One thread owns the libunbound context, so that no caller and no event loop ever waits inside the library.
/// Questions in flight are bounded, each has a deadline, and cancelling the asking task ends its question.
package final class UnboundResolver: DNSResolver {
    private let settings: ResolverSettings
    private let inbox: ResolverInbox

    /// Takes every setting or refuses the first that can't be honoured.
    package init(_ settings: ResolverSettings = ResolverSettings()) throws(ResolverSettingsError) {
        self.settings = settings
        guard let inbox = ResolverInbox() else {
            throw ResolverSettingsError(setting: "wake-up descriptor", reason: "no file descriptor is left")
        }
        self.inbox = inbox
        let context = try UnboundContext(settings)
        guard ResolverThread.start(context: context, inbox: inbox, maximumInFlight: settings.maximumInFlight) else {
            context.free()
            throw ResolverSettingsError(setting: "thread", reason: "no thread could be started")
        }
    }

    deinit {
        inbox.stop()
    }

    /// Ends every question with ``DNSFailure/unavailable(_:)``; later ones fail at once.
    package func stop() {
        inbox.stop()
    }

    package func resolve(_ name: String, _ type: DNSRecordType) async -> Result<DNSAnswer, DNSFailure> {
        guard Self.isAskable(name) else { return .failure(.invalidName) }
        let query = DNSQuery(name: name, type: type, deadline: .now.advanced(by: settings.timeout))
        let inbox = inbox
        let limit = settings.maximumWaiting
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                query.install(continuation)
                if !query.isFinished, !inbox.submit(query, limit: limit) { query.finish(.failure(.overloaded)) }
            }
        } onCancel: {
            query.finish(.failure(.cancelled))
            inbox.wake()
        }
    }

    /// Printable ASCII of a possible length: anything else could be cut or misread on its way through C.
    private static func isAskable(_ name: String) -> Bool {
        // Escapes make four characters of an octet. // RFC 1035 §2.3.4
        let labels = (name.hasSuffix(".") ? name.dropLast() : name[...]).split(
            separator: ".", omittingEmptySubsequences: false)
        return name.utf8.count <= 1020 && name.utf8.allSatisfy { (0x21...0x7E).contains($0) }
            && labels.allSatisfy { !$0.isEmpty }
    }
}
