extension Unicode.Scalar {
    /// A space, a tab, and what else C's `isspace` takes.
    var isBlank: Bool { self == " " || (self >= "\t" && self <= "\r") }
}

extension StringProtocol {
    /// Without blanks at either end.
    var trimmed: String {
        var scalars = Substring(self).unicodeScalars
        while scalars.first?.isBlank == true { scalars.removeFirst() }
        while scalars.last?.isBlank == true { scalars.removeLast() }
        return String(scalars)
    }
}
