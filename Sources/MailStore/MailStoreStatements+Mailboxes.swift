import SQLEngine

/// Statements about mailboxes, who may use them, and what is noted beside them.
extension MailStoreStatements {
    // One mailbox, level by level: the cost doesn't grow with the number of mailboxes.
    static let mailboxByName = SQLStatement(
        """
        SELECT id, parent_id, name, special_use, selectable, uid_validity, uid_next, recent_from, messages, unseen,
            deleted, size, highest_modseq
        FROM mailbox WHERE account_id = $1 AND parent_id = $2 AND name = $3
        """)
    static let mailboxHasChildren = SQLStatement(
        "SELECT 1 FROM mailbox WHERE account_id = $1 AND parent_id = $2 LIMIT 1")
    static let isSubscribed = SQLStatement("SELECT 1 FROM subscription WHERE account_id = $1 AND path = $2")
    static let lockAccount = SQLStatement("UPDATE account_state SET modseq = modseq WHERE account_id = $1")

    // Access
    static let rightsOf = SQLStatement(
        "SELECT negative, rights FROM mailbox_acl WHERE mailbox_id = $1 AND grantee_id IN (0, $2)")
    static let inheritAccess = SQLStatement(
        """
        INSERT INTO mailbox_acl (mailbox_id, grantee_id, negative, rights)
        SELECT CAST($1 AS BIGINT), grantee_id, negative, rights FROM mailbox_acl WHERE mailbox_id = $2
        """)

    static let acl = SQLStatement(
        """
        SELECT grantee_id, negative, rights FROM mailbox_acl WHERE mailbox_id = $1 ORDER BY grantee_id, negative
        LIMIT 1001
        """)
    static let setAccess = SQLStatement(
        """
        INSERT INTO mailbox_acl (mailbox_id, grantee_id, negative, rights) VALUES ($1, $2, $3, $4)
        ON CONFLICT (mailbox_id, grantee_id, negative) DO UPDATE SET rights = excluded.rights
        """)
    static let removeAccess = SQLStatement(
        "DELETE FROM mailbox_acl WHERE mailbox_id = $1 AND grantee_id = $2 AND negative = $3")
    static let removeMailboxAccess = SQLStatement("DELETE FROM mailbox_acl WHERE mailbox_id = $1")
    static let removeGrantee = SQLStatement("DELETE FROM mailbox_acl WHERE grantee_id = $1")
    static let sharedWith = SQLStatement(
        """
        SELECT a.mailbox_id, a.negative, a.rights, m.account_id
        FROM mailbox_acl a JOIN mailbox m ON m.id = a.mailbox_id
        WHERE a.grantee_id IN (0, $1) AND m.account_id <> $1
        """)

    // Annotations
    static let annotations = SQLStatement(
        "SELECT entry, value FROM mailbox_annotation WHERE mailbox_id = $1 AND account_id IN (0, $2) ORDER BY entry")
    static let annotationUsage = SQLStatement(
        """
        SELECT COUNT(*), COALESCE(SUM(length(value)), 0) FROM mailbox_annotation
        WHERE mailbox_id = $1 AND account_id = $2
        """)
    static let setAnnotation = SQLStatement(
        """
        INSERT INTO mailbox_annotation (mailbox_id, account_id, entry, value) VALUES ($1, $2, $3, $4)
        ON CONFLICT (mailbox_id, account_id, entry) DO UPDATE SET value = excluded.value
        """)
    static let removeAnnotation = SQLStatement(
        "DELETE FROM mailbox_annotation WHERE mailbox_id = $1 AND account_id = $2 AND entry = $3")
    static let removeMailboxAnnotations = SQLStatement("DELETE FROM mailbox_annotation WHERE mailbox_id = $1")
    static let removeAccountAnnotations = SQLStatement("DELETE FROM mailbox_annotation WHERE account_id = $1")
    static let copyAnnotations = SQLStatement(
        """
        INSERT INTO mailbox_annotation (mailbox_id, account_id, entry, value)
        SELECT CAST($2 AS BIGINT), account_id, entry, value FROM mailbox_annotation WHERE mailbox_id = $1
        """)
    static let serverAnnotations = SQLStatement(
        "SELECT entry, value FROM server_annotation WHERE account_id = $1 ORDER BY entry")
    static let serverAnnotationUsage = SQLStatement(
        "SELECT COUNT(*), COALESCE(SUM(length(value)), 0) FROM server_annotation WHERE account_id = $1")
    static let setServerAnnotation = SQLStatement(
        """
        INSERT INTO server_annotation (account_id, entry, value) VALUES ($1, $2, $3)
        ON CONFLICT (account_id, entry) DO UPDATE SET value = excluded.value
        """)
    static let removeServerAnnotation = SQLStatement(
        "DELETE FROM server_annotation WHERE account_id = $1 AND entry = $2")
    static let setSpecialUse = SQLStatement(
        "UPDATE mailbox SET special_use = $2, changed_modseq = $3 WHERE id = $1")

    // Keywords of a mailbox, and what its \Deleted messages hold
    static let noteKeyword = SQLStatement(
        """
        INSERT INTO mailbox_keyword (mailbox_id, folded, keyword) VALUES ($1, $2, $3)
        ON CONFLICT (mailbox_id, folded) DO NOTHING
        """)
    static let keywordCount = SQLStatement("SELECT COUNT(*) FROM mailbox_keyword WHERE mailbox_id = $1")
    static let forgetUnusedKeywords = SQLStatement(
        """
        DELETE FROM mailbox_keyword WHERE mailbox_id = $1
            AND folded NOT IN (SELECT lower(keyword) FROM entry_keyword WHERE mailbox_id = $1)
        """)
    static let removeMailboxKeywords = SQLStatement("DELETE FROM mailbox_keyword WHERE mailbox_id = $1")
    static let deletedSize = SQLStatement(
        "SELECT COALESCE(SUM(size), 0) FROM entry WHERE mailbox_id = $1 AND (flags & 8) = 8")

    static let mailboxStatements = [
        mailboxByName, mailboxHasChildren, isSubscribed, lockAccount, rightsOf, inheritAccess, acl, setAccess,
        removeAccess, removeMailboxAccess, removeGrantee, sharedWith, annotations, annotationUsage, setAnnotation,
        removeAnnotation, removeMailboxAnnotations, removeAccountAnnotations, copyAnnotations, serverAnnotations,
        serverAnnotationUsage, setServerAnnotation, removeServerAnnotation, setSpecialUse, noteKeyword, keywordCount,
        forgetUnusedKeywords, removeMailboxKeywords, deletedSize,
    ]
}
