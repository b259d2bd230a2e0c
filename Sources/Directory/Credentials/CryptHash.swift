import CCrypt
import Glibc
import SASLCore

/// The system's `crypt(3)`, through its thread-safe calls.
enum CryptHash {
    /// The longest setting or hash in octets, with its final NUL.
    static let longestSetting = Int(CRYPT_OUTPUT_SIZE)

    /// The hash of a password under a setting, or nil when the library refuses one of them.
    static func hash(_ password: some Collection<UInt8>, setting: String, scratch: borrowing HashScratch) -> String? {
        guard password.count < Int(CRYPT_MAX_PASSPHRASE_SIZE), !password.contains(0) else { return nil }
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: password.count + 1) { phrase in
            var count = 0
            for octet in password {
                phrase[count] = CChar(bitPattern: octet)
                count += 1
            }
            phrase[count] = 0
            defer { phrase.update(repeating: 0) }
            let output = setting.withCString { setting in
                crypt_rn(phrase.baseAddress, setting, scratch.crypt.baseAddress, Int32(scratch.crypt.count))
            }
            defer { scratch.wipe() }
            guard let output else { return nil }
            return String(cString: output)
        }
    }

    /// A fresh yescrypt setting. A cost of 0 is the library's default; 1 to 11 are accepted.
    static func yescryptSetting(cost: UInt) -> String? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(CRYPT_GENSALT_OUTPUT_SIZE)) { output in
            let result = crypt_gensalt_rn("$y$", cost, nil, 0, output.baseAddress, Int32(output.count))
            return result.map { String(cString: $0) }
        }
    }
}

/// What one worker thread needs while hashing; never shared between threads.
struct HashScratch: ~Copyable {
    let crypt: UnsafeMutableRawBufferPointer

    init() {
        crypt = .allocate(byteCount: MemoryLayout<crypt_data>.size, alignment: 16)
        wipe()
    }

    deinit {
        wipe()
        crypt.deallocate()
    }

    borrowing func wipe() {
        if let base = crypt.baseAddress { explicit_bzero(base, crypt.count) }
    }
}
