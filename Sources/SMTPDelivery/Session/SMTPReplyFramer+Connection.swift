import NetTransport
package import SMTPCore

extension SMTPReplyFramer: ConnectionFramer {}
