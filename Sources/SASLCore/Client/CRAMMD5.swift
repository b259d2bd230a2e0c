import Crypto

/// The keyed digest of CRAM-MD5. // RFC 2195 §2
enum CRAMMD5 {
    /// 32 hexadecimal digits in lower case.
    static func digest(_ challenge: [UInt8], _ password: Secret) -> [UInt8] {
        let key = password.withBytes { SymmetricKey(data: $0) }
        let digits = Array("0123456789abcdef".utf8)
        return HMAC<Insecure.MD5>.authenticationCode(for: challenge, using: key).flatMap { octet in
            [digits[Int(octet >> 4)], digits[Int(octet & 15)]]
        }
    }
}
