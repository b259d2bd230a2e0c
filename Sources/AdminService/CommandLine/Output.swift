import Glibc

/// The command's results.
package enum StandardOutput {
    /// Writes all of `text`. A reader that has gone (`| head`) is nobody's error.
    ///
    /// - Throws: `AdminError` when it can't be written: a password that was made up would be lost without a word.
    package static func write(_ text: String) throws {
        guard let code = writeAll(text, to: STDOUT_FILENO), code != EPIPE else { return }
        throw AdminError(
            .ioError,
            SystemError("write to standard output", code: code).description,
            remedy: "what was asked for has been done; only its answer is lost"
        )
    }
}

/// The command's errors and remarks.
package enum StandardError {
    /// Writes as much of `text` as can be written: there is nowhere to complain.
    package static func write(_ text: String) { _ = writeAll(text, to: STDERR_FILENO) }

    /// An error as every command shows it.
    package static func write(_ error: AdminError) {
        write("martlet: \(error.description)\n")
    }
}

/// Returns the error's code when not everything could be written.
private func writeAll(_ text: String, to descriptor: Int32) -> Int32? {
    var text = text
    return text.withUTF8 { buffer -> Int32? in
        var rest = UnsafeRawBufferPointer(buffer)
        while !rest.isEmpty {
            let count = write(descriptor, rest.baseAddress, rest.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return errno }
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
        }
        return nil
    }
}
