"""The mail about a finished call: one per call, through Resend, from the organization's own domain."""

from sovereign.notifications.model import Notification, NotificationReason, NotificationStatus, notification_view

__all__ = ["Notification", "NotificationReason", "NotificationStatus", "notification_view"]
