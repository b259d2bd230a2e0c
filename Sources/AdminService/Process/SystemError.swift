import Glibc

/// A system call that failed.
package struct SystemError: Error, CustomStringConvertible, Equatable {
    package let call: String
    package let code: Int32

    /// Takes the code from `errno`, which must not have been disturbed since the call.
    package init(_ call: String) {
        self.call = call
        self.code = errno
    }

    package init(_ call: String, code: Int32) {
        self.call = call
        self.code = code
    }

    /// The system's own words for the code.
    package var reason: String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard strerror_r(code, &buffer, buffer.count) == 0 else { return "error \(code)" }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    package var description: String { "\(call): \(reason)" }
}
