// SPDX-License-Identifier: GPL-2.0
/*
 * The folder that the tables are in: debugfs's while the module is loaded, or
 * a copy of it.  Reads whole files, and says why it can't.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "folder.h"
#include "trouble.h"

#define DEBUGFS		"/sys/kernel/debug"
#define PYALLOC		DEBUGFS "/pyalloc"

/* No table is as large: it has rows for arenas of 200 GiB. */
#define LARGEST		((size_t)64 << 20)
#define FIRST		((size_t)16 << 10)

char *folder_path(const struct folder *folder, const char *name)
{
	char *path;

	if (asprintf(&path, "%s/%s", folder->path, name) < 0)
		die("out of memory");
	return path;
}

void folder_die(const char *path, int error)
{
	switch (error) {
	case EACCES:
		die("%s can be read by root only", path);
	case EPERM:
		die("%s can't be read: is the kernel locked down? (see /sys/kernel/security/lockdown)",
		    path);
	default:
		die("%s can't be read: %s", path, strerror(error));
	}
}

/* Who shows nothing may be pyalloc or debugfs. */
static void __attribute__((noreturn)) die_without(const struct folder *folder)
{
	char *copy = strdup(folder->path);
	const char *debugfs = copy ? dirname(copy) : DEBUGFS;
	struct statfs about;

	if (folder->saved)
		die("there is no %s", folder->path);
	if (statfs(debugfs, &about))
		die("there is no %s: does this kernel have debugfs?", debugfs);
	if (about.f_type != DEBUGFS_MAGIC)
		die("debugfs is not mounted: mount -t debugfs none %s",
		    debugfs);
	die("the module pyalloc is not loaded: modprobe pyalloc");
}

/* What is not there is left to who asks for it. */
static int open_file(const char *path, int how)
{
	/* A pipe without a writer is not waited for. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | how);

	if (fd < 0 && errno != ENOENT)
		folder_die(path, errno);
	return fd;
}

void folder_open(struct folder *folder, const char *from)
{
	const char *elsewhere = getenv("PYALLOC_DEBUGFS");
	int fd;

	folder->saved = from;
	folder->path = from ? from : elsewhere ? elsewhere : PYALLOC;
	fd = open_file(folder->path, O_DIRECTORY);
	if (fd < 0)
		die_without(folder);
	close(fd);
}

static void check_kind(const char *path, int fd)
{
	struct stat about;

	if (fstat(fd, &about))
		folder_die(path, errno);
	if (!S_ISREG(about.st_mode))
		die("%s is not a file", path);
}

static char *read_all(const char *path, int fd, size_t *size)
{
	size_t room = FIRST;
	char *text = get_memory(room, 1);
	ssize_t some;

	*size = 0;
	while ((some = read(fd, text + *size, room - *size - 1)) != 0) {
		if (some < 0 && errno == EINTR)
			continue;
		if (some < 0)
			folder_die(path, errno);
		*size += some;
		if (*size < room - 1)
			continue;
		if (room >= LARGEST)
			die("%s is larger than %zu MiB", path, LARGEST >> 20);
		room *= 2;
		text = realloc(text, room);
		if (!text)
			die("out of memory");
	}
	text[*size] = '\0';
	return text;
}

/* The whole file, with a 0 behind it, or NULL if it is not there. */
char *folder_read(const struct folder *folder, const char *name, size_t *size)
{
	char *path = folder_path(folder, name);
	int fd = open_file(path, 0);
	char *text = NULL;

	if (fd >= 0) {
		check_kind(path, fd);
		text = read_all(path, fd, size);
		close(fd);
	}
	free(path);
	return text;
}

/* When a copy was made, as far as its files tell. */
time_t folder_time(const struct folder *folder)
{
	char *path = folder_path(folder, "heaps");
	struct stat about;
	time_t when = stat(path, &about) ? time(NULL) : about.st_mtime;

	free(path);
	return when;
}
