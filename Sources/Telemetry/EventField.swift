/// One named value of a mail event.
package struct EventField: Sendable, Equatable {
    /// What an event's field can hold; each form has one rendering as text and one as JSON.
    package enum Value: Sendable, Equatable {
        case text(String)
        case number(Int)
        case flag(Bool)
        case list([String])
    }

    /// The field's stable name: lower case, words joined by `_`.
    package let name: String
    package let value: Value

    package init(_ name: String, _ value: Value) {
        self.name = name
        self.value = value
    }
}

/// Collects an event's fields in their stable order and leaves out what is absent.
struct EventFields {
    private(set) var fields: [EventField] = []

    mutating func add(_ name: String, _ value: String?) {
        guard let value else { return }
        fields.append(EventField(name, .text(value)))
    }

    mutating func add(_ name: String, _ value: Int?) {
        guard let value else { return }
        fields.append(EventField(name, .number(value)))
    }

    mutating func add(_ name: String, _ value: Bool) {
        fields.append(EventField(name, .flag(value)))
    }

    mutating func add(_ name: String, _ value: [String]) {
        guard !value.isEmpty else { return }
        fields.append(EventField(name, .list(value)))
    }
}
