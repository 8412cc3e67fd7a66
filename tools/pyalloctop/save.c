// SPDX-License-Identifier: GPL-2.0
/*
 * A copy of the folder, for a report: all of its files that can be read.
 *
 * What is gone by the time it is its turn, as a heap may be, is left out.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "folder.h"
#include "save.h"
#include "trouble.h"

/* The folder has three levels; more is a mistake, or a loop. */
#define DEEPEST		8

struct saving {
	bool		check;	/* with the file check, which walks all heaps */
	unsigned int	files;
};

static void __attribute__((noreturn)) die_writing(const char *path)
{
	die("%s can't be written: %s", path, strerror(errno));
}

static void write_all(const char *path, int fd, const char *from, ssize_t left)
{
	ssize_t some;

	for (; left > 0; left -= some, from += some) {
		some = write(fd, from, left);
		if (some < 0)
			die_writing(path);
	}
}

/* A file of debugfs may fail as it is read, and ENOENT is a heap's end. */
static void copy_open(int from, const char *source, int to, const char *path)
{
	static char some[1 << 16];
	ssize_t size;

	while ((size = read(from, some, sizeof(some))) != 0) {
		if (size < 0 && errno == EINTR)
			continue;
		if (size < 0 && errno == ENOENT)
			return;
		if (size < 0)
			folder_die(source, errno);
		write_all(path, to, some, size);
	}
}

static void copy_file(const char *source, const char *path)
{
	int from = open(source, O_RDONLY | O_CLOEXEC | O_NONBLOCK), to;

	if (from < 0 && errno == ENOENT)
		return;
	if (from < 0)
		folder_die(source, errno);
	to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (to < 0)
		die_writing(path);
	copy_open(from, source, to, path);
	if (close(to))
		die_writing(path);
	close(from);
}

static void copy_folder(const char *source, const char *path,
			struct saving *saving, int depth);

static void copy_one(const char *source, const char *path, const char *name,
		     struct saving *saving, int depth)
{
	struct stat about;

	if (lstat(source, &about))
		return;
	if (S_ISDIR(about.st_mode)) {
		if (mkdir(path, 0755))
			die_writing(path);
		copy_folder(source, path, saving, depth + 1);
		return;
	}
	/* Of those that are for writing only, root might open some. */
	if (!S_ISREG(about.st_mode) || !(about.st_mode & 0444))
		return;
	if (!saving->check && depth == 0 && !strcmp(name, "check"))
		return;
	/* It answers with an address that somebody has asked for. */
	if (depth == 0 && !strcmp(name, "whereis"))
		return;
	copy_file(source, path);
	saving->files++;
}

static char *join(const char *path, const char *name)
{
	const struct folder folder = { .path = path };

	return folder_path(&folder, name);
}

static void copy_folder(const char *source, const char *path,
			struct saving *saving, int depth)
{
	DIR *dir = opendir(source);
	struct dirent *entry;
	char *from, *to;

	if (!dir)
		folder_die(source, errno);
	if (depth > DEEPEST)
		die("%s is too deep", source);
	while ((entry = readdir(dir))) {
		if (*entry->d_name == '.')
			continue;
		from = join(source, entry->d_name);
		to = join(path, entry->d_name);
		copy_one(from, to, entry->d_name, saving, depth);
		free(from);
		free(to);
	}
	closedir(dir);
}

static bool is_empty(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	bool empty = dir;

	while (dir && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			empty = false;
	if (dir)
		closedir(dir);
	return empty;
}

/* Nothing of what somebody has is written over. */
static void make_room(const char *to)
{
	if (!mkdir(to, 0755))
		return;
	if (errno != EEXIST)
		die_writing(to);
	if (!is_empty(to))
		die("%s is there and is no empty directory", to);
}

void save_copy(const struct folder *folder, const char *to, bool check)
{
	struct saving saving = { .check = check };

	make_room(to);
	copy_folder(folder->path, to, &saving, 0);
	printf("%u files of %s are in %s\n", saving.files, folder->path, to);
}
