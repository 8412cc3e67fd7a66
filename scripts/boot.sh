#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# boot.sh [OPTIONS] KERNEL COMMAND...: boots the test kernel KERNEL (see
# kernel.sh), runs each COMMAND in it with a shell, one after the other, and
# powers it off.  All that the guest prints goes into one log.
#
#   -m FILE        put FILE into the guest's /modules (any number of times)
#   -f FILE[:DIR]  put FILE into the guest's DIR, or its root (likewise)
#   -c N           CPUs (2; User-Mode Linux has one)
#   -M MIB         memory (512)
#   -n N           NUMA nodes, which share CPUs and memory (1; x86-64 only)
#   -a ARGUMENTS   more for the kernel's command line (likewise)
#   -q ARGUMENTS   more for QEMU (likewise)
#   -t SECONDS     time limit (120), after which the boot has failed
#   -l LOG         where the log goes (build/boot.log)
#   -o FILE        what the commands print goes into FILE, too (x86 only)
#   -i             count instructions: one CPU, its clock steps by instructions
#   -s             stay in the guest with a prompt after the commands
#
# The exit status is that of the first command that failed; 124 when the time
# limit struck, 125 when the guest died.  verdict.py reads the log and says
# more: this status knows nothing of warnings.
#
# PYALLOC_ACCEL=kvm uses the hardware's virtualisation where there is any; a
# guest that says nothing in its first seconds is started again without it.
# Otherwise QEMU translates (TCG), which works everywhere.

. "$(dirname "$0")/lib.sh"

modules=()
files=()
cpus=2
memory=512
nodes=1
arguments=
machine=()
limit=120
log=$top/build/boot.log
output=
icount=
stay=

usage()
{
	sed -n '3,/^$/s/^# \{0,1\}//p' "$0" >&2
	exit 2
}

while getopts m:f:c:M:n:a:q:t:l:o:is option; do
	case $option in
	m) modules+=("$OPTARG") ;;
	f) files+=("$OPTARG") ;;
	c) cpus=$OPTARG ;;
	M) memory=$OPTARG ;;
	n) nodes=$OPTARG ;;
	a) arguments+=" $OPTARG" ;;
	q)
		read -ra words <<< "$OPTARG"
		machine+=("${words[@]}")
		;;
	t) limit=$OPTARG ;;
	l) log=$OPTARG ;;
	o) output=$OPTARG ;;
	i) icount=yes ;;
	s) stay=yes ;;
	*) usage ;;
	esac
done
shift $((OPTIND - 1))
[ $# -ge 1 ] || usage
kernel=$1
shift

# make_initramfs FILE COMMAND...
make_initramfs()
{
	local archive=$1 root=$work/root file into command
	shift

	cp -r "$user_space" "$root"
	mkdir -p "$root"/{dev,proc,sys,tmp,modules}
	cp -r "$top/scripts/guest" "$root/guest"
	cp "$top/scripts/guest/init" "$root/init"
	chmod -R a+rX,u+w "$root"
	chmod a+x "$root/init"
	for file in "${modules[@]}"; do
		[ -e "$file" ] || die "there is no $file"
		cp "$file" "$root/modules/"
	done
	for file in "${files[@]}"; do
		into=/
		case $file in
		*:*) into=${file##*:} file=${file%:*} ;;
		esac
		[ -e "$file" ] || die "there is no $file"
		mkdir -p "$root$into"
		cp -r "$file" "$root$into/"
	done
	for command; do
		commands=$((commands + 1))
		printf '. /guest/lib.sh\n%s\n' "$command" \
			> "$root/command.$commands"
	done
	[ -z "$stay" ] || touch "$root/stay"
	# Not compressed: an emulated CPU would take longer to unpack it.
	(
		cd "$root"
		find . | cpio --quiet -o -H newc -R 0:0 > "$archive"
	)
}

# How the guest is started, as the array `run`.

uml_command()
{
	# Where the host puts its heap decides how much memory the guest loses to
	# its own tables.
	run=()
	! setarch -R true 2> /dev/null || run=(setarch -R)
	run+=("$dir/image" "mem=${memory}M" "initrd=$work/initramfs"
		"con=null" "con0=fd:0,fd:1" "${command_line[@]}")
}

# Adds NUMA nodes to `run`: each has as much memory, and CPUs by turns.
add_nodes()
{
	local node cpu

	run+=(-smp "$cpus,sockets=$cpus")
	for node in $(seq 0 $((nodes - 1))); do
		run+=(-object "memory-backend-ram,id=m$node,size=$((memory / nodes))M"
			-numa "node,nodeid=$node,memdev=m$node")
	done
	for cpu in $(seq 0 $((cpus - 1))); do
		run+=(-numa "cpu,node-id=$((cpu % nodes)),socket-id=$cpu")
	done
}

# The emulator and the machine for the kernel, and its console.
begin_machine()
{
	local accel=$1 cpu=max

	# QEMU 7.2 translates cmpxchg16b so that the flags are now and then
	# garbage after it: half of the boots of a debug kernel die of that.
	# Instruction counts are of the kernel's best code, so they keep it.
	case $accel in
	tcg) cpu+=,-cx16 ;;
	esac
	console=ttyS0
	case $arch in
	arm64)
		run=(qemu-system-aarch64 -M virt -cpu cortex-a76)
		console=ttyAMA0
		;;
	i386)
		# As AMD's it would be of a kind that was never meant for two.
		run=(qemu-system-i386 -cpu "$cpu,vendor=GenuineIntel")
		;;
	*) run=(qemu-system-x86_64 -cpu "$cpu") ;;
	esac
}

qemu_command()
{
	local accel=$1 serial=stdio console

	# With a prompt, Ctrl-A X ends QEMU.
	[ -z "$stay" ] || serial=mon:stdio
	begin_machine "$accel"
	run+=(-m "$memory" -smp "$cpus" -display none -monitor none
		-serial "$serial" -no-reboot -nodefaults
		-kernel "$dir/image" -initrd "$work/initramfs"
		-append "console=$console ${command_line[*]}")
	[ -z "$output" ] || run+=(-serial "file:$output")
	[ "$nodes" = 1 ] || add_nodes
	run+=("${machine[@]}")
	case $accel in
	icount) run+=(-accel tcg -icount "shift=0,sleep=off" -smp 1) ;;
	tcg) run+=(-accel "tcg,thread=multi") ;;
	kvm) run+=(-accel kvm) ;;
	*) die "PYALLOC_ACCEL is '$accel': it can be tcg or kvm" ;;
	esac
}

# Ends the guest with all its processes: User-Mode Linux has several.
end_guest()
{
	while kill -KILL -- "-$guest" 2> /dev/null; do
		sleep 0.05
	done
	guest=
}

need_emulator()
{
	case $arch in
	arm64) need qemu-system-arm ;;
	*) need qemu-system-x86 ;;
	esac
}

kernel_speaks()
{
	grep -aq 'Linux version' "$log"
}

# Runs the guest until it ends or the limit strikes.  Given a patience, the
# status is 126 when within that time no kernel said anything.
watch_guest()
{
	local patience=${1:-} start=$SECONDS

	set -m
	"${run[@]}" < /dev/null > "$log" 2>&1 &
	guest=$!
	# How it died is read from its log, not from the shell's remarks.
	disown
	set +m
	while kill -0 "$guest" 2> /dev/null; do
		sleep 0.1
		if [ $((SECONDS - start)) -ge "$limit" ]; then
			end_guest
			echo "pyalloc-boot: timed out after $limit s" >> "$log"
			return 124
		fi
		if [ -n "$patience" ] && ! kernel_speaks &&
		   [ $((SECONDS - start)) -ge "$patience" ]; then
			break
		fi
	done
	end_guest
	[ -z "$patience" ] || kernel_speaks || return 126
}

boot()
{
	local accel=${PYALLOC_ACCEL:-tcg} status=0

	if [ "$arch" = um ]; then
		uml_command
		watch_guest
		return
	fi
	need_emulator
	[ -z "$icount" ] || accel=icount
	if [ "$accel" = kvm ] && [ -w /dev/kvm ]; then
		qemu_command kvm
		watch_guest 10 || status=$?
		[ $status = 126 ] || return $status
		say "nothing comes from the guest under KVM: translating instead"
	fi
	[ "$accel" != kvm ] || accel=tcg
	qemu_command "$accel"
	watch_guest
}

# With a prompt there is no limit and no log: the terminal is the guest's.
stay_in_guest()
{
	case $arch in
	um) uml_command ;;
	*)
		need_emulator
		qemu_command "${PYALLOC_ACCEL:-tcg}"
		say "Leave with 'poweroff -f' or Ctrl-A X."
		;;
	esac
	"${run[@]}"
}

need cpio
dir=$("$top/scripts/kernel.sh" "$kernel")
arch=$(cat "$dir/arch")
user_space=$("$top/scripts/user-space.sh" "$arch")
work=$(mktemp -d)
guest=
commands=0
trap '[ -z "$guest" ] || end_guest; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

make_initramfs "$work/initramfs" "$@"
# An oops ends the boot, and a panic ends it at once.  User space may write to
# the log without a limit.
read -ra command_line <<< "panic=-1 oops=panic printk.time=1 \
	printk.devkmsg=on log_buf_len=4M rdinit=/init $arguments"
# Who wants a prompt does not want to read how the kernel came up.
command_line+=("loglevel=$([ -n "$stay" ] && echo 5 || echo 8)")
[ -z "$output" ] || command_line+=("OUTPUT=/dev/ttyS1")
[ -z "$icount" ] || command_line+=("CLOCK=instructions")

if [ -n "$stay" ]; then
	stay_in_guest
	exit
fi

mkdir -p "$(dirname "$log")"
status=0
boot || status=$?
[ $status != 124 ] || exit 124
status=$(tr -d '\r' < "$log" | sed -n 's/.*pyalloc-test: done //p' | tail -n 1)
exit "${status:-125}"
