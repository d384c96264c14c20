/* syscalls.c — see syscalls.h. */
#include "syscalls.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define NO(name) SCMP_SYS(name)

/* In every process, whatever the arguments. */
static const int never[] = {
	/* another program, another process */
	NO(execve), NO(execveat), NO(fork), NO(vfork), NO(ptrace),
	NO(process_vm_readv), NO(process_vm_writev), NO(kcmp),
	NO(pidfd_getfd), NO(pidfd_open), NO(process_madvise),
	/* another identity */
	NO(setuid), NO(setgid), NO(setreuid), NO(setregid), NO(setresuid),
	NO(setresgid), NO(setfsuid), NO(setfsgid), NO(setgroups), NO(capset),
	NO(keyctl), NO(add_key), NO(request_key),
	/* another view of the system */
	NO(chroot), NO(pivot_root), NO(mount), NO(umount2), NO(move_mount),
	NO(open_tree), NO(fsopen), NO(fsmount), NO(fsconfig), NO(fspick),
	NO(mount_setattr), NO(unshare), NO(setns), NO(name_to_handle_at),
	NO(open_by_handle_at), NO(mknod), NO(mknodat), NO(symlink),
	NO(symlinkat), NO(link), NO(linkat),
	/* parts of the kernel that a gateway has no use for */
	NO(bpf), NO(perf_event_open), NO(userfaultfd), NO(io_uring_setup),
	NO(io_uring_enter), NO(io_uring_register), NO(personality), NO(acct),
	NO(quotactl), NO(init_module), NO(finit_module), NO(delete_module),
	NO(kexec_load), NO(kexec_file_load), NO(reboot), NO(swapon),
	NO(swapoff), NO(syslog), NO(iopl), NO(ioperm), NO(modify_ldt),
	NO(uselib), NO(vhangup), NO(lookup_dcookie), NO(shmat), NO(shmget),
	NO(msgget), NO(semget), NO(mq_open),
	/* the clock, by which certificates are judged */
	NO(settimeofday), NO(clock_settime), NO(clock_adjtime), NO(adjtimex),
	NO(sethostname), NO(setdomainname),
	/* a door of one's own */
	NO(listen),
};

/* And these with such an argument: (argument & mask) == value. */
static const struct {
	int call;
	unsigned arg;
	uint64_t mask, value;
} never_with[] = {
	/* code that was data a moment ago */
	{ NO(mmap), 2, PROT_WRITE | PROT_EXEC, PROT_WRITE | PROT_EXEC },
	{ NO(mprotect), 2, PROT_EXEC, PROT_EXEC },
	{ NO(pkey_mprotect), 2, PROT_EXEC, PROT_EXEC },
	/* threads are made, processes are not */
	{ NO(clone), 0, CLONE_THREAD, 0 },
	/* no packets around the kernel's own TCP and UDP */
	{ NO(socket), 0, ~UINT64_C(0), AF_PACKET },
	{ NO(socket), 1, 0xf, SOCK_RAW },
};

static const int accepting[] = { NO(accept), NO(accept4) };

static int
forbid_all(scmp_filter_ctx f, const int *calls, size_t n)
{
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0; i++)
		rc = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), calls[i], 0);
	return rc;
}

static int
forbid_with(scmp_filter_ctx f)
{
	int rc = 0;

	for (size_t i = 0; i < GW_COUNT(never_with) && rc == 0; i++)
		rc = seccomp_rule_add(
			f, SCMP_ACT_ERRNO(EPERM), never_with[i].call, 1,
			SCMP_CMP(never_with[i].arg, SCMP_CMP_MASKED_EQ,
				 never_with[i].mask, never_with[i].value));
	/* Its flags lie in memory, where no filter can look; libc takes this
	 * answer for an old kernel's and calls clone(). */
	if (rc == 0)
		rc = seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), NO(clone3), 0);
	return rc;
}

static int
fill_and_load(scmp_filter_ctx f, bool may_accept)
{
	int rc = forbid_all(f, never, GW_COUNT(never));

	if (rc == 0 && !may_accept)
		rc = forbid_all(f, accepting, GW_COUNT(accepting));
	if (rc == 0)
		rc = forbid_with(f);
	/* Threads that libraries have started already are bound as well. */
	if (rc == 0)
		rc = seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1);
	if (rc == 0) /* by halves, not one by one: this is the hot path */
		rc = seccomp_attr_set(f, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	return rc != 0 ? rc : seccomp_load(f);
}

enum gw_err
gw_syscalls_give_up(bool may_accept, struct gw_error *err)
{
	scmp_filter_ctx f;
	int rc;

	if (seccomp_api_get() == 0)
		return GW_ERR_OK;
	if ((f = seccomp_init(SCMP_ACT_ALLOW)) == NULL)
		return gw_fail(err, GW_ERR_SYSTEM, "seccomp: no filter");
	rc = fill_and_load(f, may_accept);
	seccomp_release(f);
	return rc == 0 ? GW_ERR_OK
		       : gw_fail(err, GW_ERR_SYSTEM, "seccomp: %s",
				 strerror(-rc));
}
