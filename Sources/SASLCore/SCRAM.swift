package import Crypto

/// The functions that RFC 5802 §3 defines, over one hash.
package enum SCRAM<Hash: HashFunction> {
    /// SaltedPassword := Hi(Normalize(password), salt, i)
    // RFC 5802 §2.2 (deviates): OpaqueString, its successor, stands in for SASLprep; what it refuses is used as sent.
    package static func saltedPassword(_ password: Secret, salt: [UInt8], iterations: Int) -> SymmetricKey {
        let octets = password.withBytes { OpaqueString.prepare($0) ?? Array($0) }
        return hi(SymmetricKey(data: octets), salt: salt, iterations: iterations)
    }

    package static func clientKey(_ saltedPassword: SymmetricKey) -> [UInt8] {
        Array(HMAC<Hash>.authenticationCode(for: Array("Client Key".utf8), using: saltedPassword))
    }

    package static func serverKey(_ saltedPassword: SymmetricKey) -> [UInt8] {
        Array(HMAC<Hash>.authenticationCode(for: Array("Server Key".utf8), using: saltedPassword))
    }

    package static func storedKey(clientKey: [UInt8]) -> [UInt8] {
        Array(Hash.hash(data: clientKey))
    }

    /// ClientProof := ClientKey XOR HMAC(StoredKey, AuthMessage)
    package static func clientProof(_ saltedPassword: SymmetricKey, authMessage: [UInt8]) -> [UInt8] {
        let key = clientKey(saltedPassword)
        let signature = hmac(key: storedKey(clientKey: key), authMessage)
        return zip(key, signature).map { $0 ^ $1 }
    }

    static func hmac(key: [UInt8], _ message: [UInt8]) -> [UInt8] {
        Array(HMAC<Hash>.authenticationCode(for: message, using: SymmetricKey(data: key)))
    }

    // RFC 5802 §2.2
    private static func hi(_ key: SymmetricKey, salt: [UInt8], iterations: Int) -> SymmetricKey {
        var block = Array(HMAC<Hash>.authenticationCode(for: salt + [0, 0, 0, 1], using: key))
        var result = block
        for _ in 1..<max(iterations, 1) {
            block = Array(HMAC<Hash>.authenticationCode(for: block, using: key))
            for index in result.indices { result[index] ^= block[index] }
        }
        return SymmetricKey(data: result)
    }
}
