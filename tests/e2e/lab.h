/* lab.h — the lab as the end-to-end tests see it: its addresses and files,
 * its commands, the gateway's log, waiting. The lab must be up; GWD_LAB_DIR
 * names it. Linked into every e2e program.
 *
 * Nothing here sleeps for luck: what takes time is asked again until a
 * deadline. Everything returned lives until the test ends. */
#ifndef E2E_LAB_H
#define E2E_LAB_H

#include <sys/types.h>
#include "gw/compiler.h"

/* A value of `lab env`; ends the test when there is no such key. */
const char *lab(const char *key);
/* printf into memory of the test */
char *text(const char *fmt, ...) GW_PRINTF(1, 2);
/* `s`, so many times */
char *text_repeat(const char *s, size_t count);
/* `all` with the first `from` in it replaced; ends the test if there is none */
char *text_with(const char *all, const char *from, const char *to);
/* CERT_DIR/NAME.pem, CERT_DIR/NAME.key */
const char *lab_cert(const char *name);
const char *lab_key(const char *name);

/* ---- commands */

struct output {
	int status; /* exit status; 128 + signal; -1: did not end in time */
	char *out, *err;
};

#define ARGS_MAX 64
/* Runs a program to its end. `argv` ends with NULL. */
struct output run(const char *const argv[], int timeout_ms);
#define RUN(timeout_ms, ...) \
	run((const char *const[]){ __VA_ARGS__, NULL }, timeout_ms)
/* `argv` with the words of NSENTER before it. */
void in_lab(const char *const argv[], const char *out[ARGS_MAX]);
/* deploy/lab/lab VERB NAME; ends the test when it fails. */
void lab_do(const char *verb, const char *name);

/* ---- waiting */

uint64_t now_ms(void);
/* Until fn(arg) is true; false when the time is over. */
bool await(int timeout_ms, bool (*fn)(void *arg), void *arg);

/* ---- text and files */

char *slurp(const char *path); /* "" when it cannot be read */
void spill(const char *path, const char *content);
bool contains(const char *haystack, const char *needle);

/* What a process has in memory. */
long resident_kib(pid_t pid);

/* ---- the gateway's log */

size_t log_mark(void); /* where the log ends now */
/* The first line after `mark` that holds all of the words (ended by NULL);
 * waits for it up to two seconds. NULL when there is none. */
char *log_line(size_t mark, const char *word, ...) __attribute__((sentinel));
/* The same of any file, without waiting. */
char *find_line(const char *path, size_t from, const char *const words[]);

#endif
