// MARK: - Reports

extension Schema {
    static let reports: [Setting] = []
}
