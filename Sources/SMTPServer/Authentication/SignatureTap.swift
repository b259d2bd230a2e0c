import MailAuth

/// Lets the verifier of signatures see a message as it comes in, so that a large body is read once.
struct SignatureTap {
    /// The chain of seals is looked at too.
    let withARC: Bool
    private var verifier: DKIMVerifier?

    init(withARC: Bool) {
        self.withARC = withARC
    }

    var hasHeader: Bool { verifier != nil }

    /// The header is whole; what comes next is the body.
    mutating func headerEnded(_ header: ArraySlice<UInt8>) {
        guard verifier == nil else { return }
        verifier = DKIMVerifier(header: Array(header), withARC: withARC)
    }

    mutating func body(_ bytes: UnsafeRawBufferPointer) {
        guard verifier?.hasSignatures == true else { return }
        verifier?.update(bytes)
    }

    mutating func finish() -> DKIMVerifier? {
        verifier?.finishBody()
        return verifier
    }
}
