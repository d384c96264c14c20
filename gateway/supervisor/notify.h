/* gateway/supervisor/notify.h — tells systemd how the service is doing
 * (sd_notify(3) without its library). Linked into gwd only. */
#ifndef GW_NOTIFY_H
#define GW_NOTIFY_H

/* "READY=1", "STOPPING=1", "STATUS=…"; several lines may be joined. Silent
 * when nobody asked to be told ($NOTIFY_SOCKET is not set). */
void gw_notify(const char *state);

#endif
