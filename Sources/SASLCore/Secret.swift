import Glibc

/// Octets that must never be shown: a password, or a token that stands for one.
///
/// Printing, debugging, dumping and interpolating give `•••`. Copies share one allocation, which is overwritten when the
/// last of them goes. That wipe is best effort: copies taken with `bytes` are the borrower's to keep short-lived.
package struct Secret: Sendable {
    private let storage: SecretStorage

    /// Copies the octets given.
    package init(_ bytes: some Collection<UInt8>) {
        storage = SecretStorage(bytes)
    }

    /// Copies the UTF-8 form of a string.
    package init(_ text: String) {
        storage = SecretStorage(text.utf8)
    }

    /// The number of octets.
    package var count: Int { storage.buffer.count }

    package var isEmpty: Bool { storage.buffer.isEmpty }

    /// An unprotected copy; prefer `withBytes`.
    package var bytes: [UInt8] { Array(storage.buffer) }

    /// Lends the octets for the duration of the call; the pointer must not leave it.
    package func withBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let result = try body(UnsafeRawBufferPointer(storage.buffer))
        extendLifetime(storage)
        return result
    }
}

extension Secret: Equatable {
    /// Takes time that depends on the lengths alone.
    package static func == (left: Secret, right: Secret) -> Bool {
        left.withBytes { leftBytes in right.withBytes { constantTimeEqual(leftBytes, $0) } }
    }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "•••" }
    package var debugDescription: String { "•••" }
    package var customMirror: Mirror { Mirror(self, children: [], displayStyle: .struct) }
}

/// The allocation behind a secret.
// @unchecked: there is no lock because nothing changes between `init` and `deinit`.
private final class SecretStorage: @unchecked Sendable {
    let buffer: UnsafeMutableBufferPointer<UInt8>

    init(_ bytes: some Collection<UInt8>) {
        buffer = .allocate(capacity: bytes.count)
        _ = buffer.initialize(from: bytes)
    }

    deinit {
        if let base = buffer.baseAddress { explicit_bzero(base, buffer.count) }
        buffer.deallocate()
    }
}
