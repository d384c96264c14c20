/* ticket.c — see ticket.h. */
#include "ticket.h"
#include "gw/util.h"

#include <string.h>
#include <openssl/crypto.h>

static void
wipe(struct gw_ticket_key *k)
{
	OPENSSL_cleanse(k, sizeof(*k));
}

static void
make(struct gw_ticket_key *k, time_t now)
{
	gw_random(k->name, sizeof(k->name));
	gw_random(k->aes, sizeof(k->aes));
	gw_random(k->mac, sizeof(k->mac));
	k->made_at = now;
}

/* A clock set back makes a key's age negative: such a key is replaced, too,
 * or it would live for as long as the clock was wrong. */
static bool
is_within(const struct gw_ticket_key *k, time_t now, time_t age)
{
	return k->made_at != 0 && now >= k->made_at && now - k->made_at < age;
}

static void
turn(struct gw_tickets *t, time_t now)
{
	if (!is_within(&t->now, now, t->seal_s)) {
		wipe(&t->before);
		t->before = t->now;
		make(&t->now, now);
	}
	if (!is_within(&t->before, now, t->seal_s + GW_TICKET_LIFE_S))
		wipe(&t->before);
}

void
gw_tickets_init(struct gw_tickets *t, time_t seal_s)
{
	*t = (struct gw_tickets){ .seal_s = seal_s };
	t->cipher = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
	gw_assert(t->cipher != NULL);
	pthread_mutex_init(&t->lock, NULL);
}

void
gw_tickets_clear(struct gw_tickets *t)
{
	wipe(&t->now);
	wipe(&t->before);
	EVP_CIPHER_free(t->cipher);
	pthread_mutex_destroy(&t->lock);
}

void
gw_tickets_seal(struct gw_tickets *t, time_t now, struct gw_ticket_key *out)
{
	pthread_mutex_lock(&t->lock);
	turn(t, now);
	*out = t->now;
	pthread_mutex_unlock(&t->lock);
}

static bool
is_named(const struct gw_ticket_key *k, const uint8_t name[GW_TICKET_NAME])
{
	return k->made_at != 0 && memcmp(k->name, name, GW_TICKET_NAME) == 0;
}

bool
gw_tickets_open(struct gw_tickets *t, time_t now,
		const uint8_t name[GW_TICKET_NAME], struct gw_ticket_key *out)
{
	const struct gw_ticket_key *k = NULL;

	pthread_mutex_lock(&t->lock);
	turn(t, now);
	if (is_named(&t->now, name))
		k = &t->now;
	else if (is_named(&t->before, name))
		k = &t->before;
	if (k != NULL)
		*out = *k;
	pthread_mutex_unlock(&t->lock);
	return k != NULL;
}
