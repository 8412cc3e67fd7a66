/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PRINT_H
#define PRINT_H

struct folder;
struct sample;
struct scene;

void print_tables(const struct scene *scene, const struct folder *folder);
void print_csv_heading(const struct scene *scene);
void print_csv(const struct scene *scene);
void print_json(struct sample *sample, const struct folder *folder);

#endif
