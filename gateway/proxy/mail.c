/* mail.c — see mail.h. */
#include "mail.h"
#include "gw/util.h"

#include <openssl/ssl.h>

void
gw_mailbox_init(struct gw_mailbox *b)
{
	gw_assert(pthread_mutex_init(&b->lock, NULL) == 0);
	b->first = NULL;
	b->end = &b->first;
}

void
gw_mail_free(struct gw_mail *m)
{
	gw_close(&m->fd);
	gw_counters_free(m->counters);
	free(m->names);
	SSL_CTX_free(m->tls);
	free(m);
}

void
gw_mailbox_clear(struct gw_mailbox *b)
{
	struct gw_mail *m = gw_mailbox_take(b), *next;

	for (; m != NULL; m = next) {
		next = m->next;
		gw_mail_free(m);
	}
	pthread_mutex_destroy(&b->lock);
}

void
gw_mailbox_post(struct gw_mailbox *b, struct gw_loop *l,
		const struct gw_mail *m)
{
	struct gw_mail *copy = gw_xcalloc(1, sizeof(*copy));

	*copy = *m;
	copy->next = NULL;
	pthread_mutex_lock(&b->lock);
	*b->end = copy;
	b->end = &copy->next;
	pthread_mutex_unlock(&b->lock);
	gw_loop_wake(l);
}

struct gw_mail *
gw_mailbox_take(struct gw_mailbox *b)
{
	struct gw_mail *all;

	pthread_mutex_lock(&b->lock);
	all = b->first;
	b->first = NULL;
	b->end = &b->first;
	pthread_mutex_unlock(&b->lock);
	return all;
}
