package git

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
)

// The test binary is also a process that makes, or finishes, one move, to be killed.
const helperMove = "WT_MCP_TEST_MOVE"

// moveJob is what it is asked for.
type moveJob struct {
	Dir    string
	Move   Move
	Finish bool
}

func helpMove() int {
	var job moveJob
	err := json.Unmarshal([]byte(os.Getenv(helperMove)), &job)
	if err == nil {
		err = job.do(context.Background())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func (job moveJob) do(ctx context.Context) error {
	r, err := Open(ctx, job.Dir)
	if err != nil {
		return err
	}
	lock, err := r.LockTarget(ctx, job.Move.Ref, job.Move.Op)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	job.Move.Inherit = []*os.File{lock.File}
	if job.Finish {
		_, err = r.FinishMove(ctx, job.Move)
		return err
	}
	_, err = r.Move(ctx, job.Move)
	return err
}
