package import DNSCore

extension DKIMKeyLookup {
    /// What an answer to a TXT question means for a key.
    package init(_ answer: Result<DNSAnswer, DNSFailure>) {
        switch answer {
        case .success(let answer):
            let texts = answer.texts
            self = texts.isEmpty ? .absent : .records(texts, secure: answer.secure)
        case .failure(let failure) where failure.isTemporary:
            self = .temporaryFailure("key lookup: \(failure)")
        case .failure:
            self = .absent
        }
    }

    /// Asks for the TXT records of key names, some at a time. A cancelled task gets temporary failures.
    /// - Parameters:
    ///   - names: as ``DKIMVerifier/keyNames`` gives them.
    ///   - atOnce: questions under way at a time.
    package static func ask(
        _ names: Set<String>,
        of resolver: any DNSResolver,
        atOnce: Int = 8
    ) async -> [String: DKIMKeyLookup] {
        if names.count <= 1 {
            guard let name = names.first else { return [:] }
            return [name: DKIMKeyLookup(await resolver.resolve(name, .txt))]
        }
        return await withTaskGroup(of: (String, DKIMKeyLookup).self) { group in
            var answers: [String: DKIMKeyLookup] = [:]
            var underWay = 0
            for name in names.sorted() {
                if underWay >= max(1, atOnce), let (name, lookup) = await group.next() {
                    answers[name] = lookup
                    underWay -= 1
                }
                group.addTask { (name, DKIMKeyLookup(await resolver.resolve(name, .txt))) }
                underWay += 1
            }
            for await (name, lookup) in group { answers[name] = lookup }
            return answers
        }
    }
}
