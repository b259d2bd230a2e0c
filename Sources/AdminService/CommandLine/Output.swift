import Glibc

/// The command's results.
package enum StandardOutput {
    /// Writes all of `text`. A reader that has gone (`| head`) is nobody's error.
    package static func write(_ text: String) { writeAll(text, to: STDOUT_FILENO) }
}

/// The command's errors and remarks.
package enum StandardError {
    package static func write(_ text: String) { writeAll(text, to: STDERR_FILENO) }

    /// An error as every command shows it.
    package static func write(_ error: AdminError) {
        write("martlet: \(error.description)\n")
    }
}

private func writeAll(_ text: String, to descriptor: Int32) {
    var text = text
    text.withUTF8 { buffer in
        var rest = UnsafeRawBufferPointer(buffer)
        while !rest.isEmpty {
            let count = write(descriptor, rest.baseAddress, rest.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
        }
    }
}
