/// Writes what stands in parameters of MAIL and RCPT.
package enum XText {
    /// xtext: `+`, `=` and what is not printable ASCII as `+` and two hexadecimal digits. // RFC 3461 §4
    package static func encode(_ text: some StringProtocol) -> String {
        var result = ""
        for octet in text.utf8 {
            if (0x21...0x7E).contains(octet), octet != UInt8(ascii: "+"), octet != UInt8(ascii: "=") {
                result.unicodeScalars.append(Unicode.Scalar(octet))
            } else {
                let digits = String(octet, radix: 16, uppercase: true)
                result += octet < 16 ? "+0\(digits)" : "+\(digits)"
            }
        }
        return result
    }

    /// utf-8-addr-xtext: ASCII that every server takes. // RFC 6533 §3
    package static func encodeUTF8Address(_ text: some StringProtocol) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            let isPlain = (0x21...0x7E).contains(scalar.value) && !["\\", "+", "="].contains(scalar)
            if isPlain {
                result.unicodeScalars.append(scalar)
            } else {
                result += "\\x{\(String(scalar.value, radix: 16, uppercase: true))}"
            }
        }
        return result
    }
}
