// Command go-assume-role swaps the AWS credentials it finds for the temporary ones of a role, and
// runs a command with those in its environment.
//
// It uses nothing but the AWS SDK for Go, in its default configuration: the credentials, the
// region and AWS_ENDPOINT_URL come from where the SDK's users have them.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/awserr"
	"github.com/aws/aws-sdk-go/aws/session"
	"github.com/aws/aws-sdk-go/service/sts"
)

// What the command line asks for.
type options struct {
	roleARN     string
	sessionName string
	externalID  string
	duration    time.Duration
	command     []string
}

var errUsage = errors.New("usage: go-assume-role -role-arn ARN [-session-name NAME] [-external-id ID] [-duration 1h] [-- COMMAND ...]")

func main() {
	asked, err := parse(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if err := run(asked, os.Stdout); err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			os.Exit(exit.ExitCode())
		}
		fmt.Fprintln(os.Stderr, describe(err))
		os.Exit(1)
	}
}

func parse(arguments []string) (options, error) {
	var asked options
	flags := flag.NewFlagSet("go-assume-role", flag.ContinueOnError)
	flags.StringVar(&asked.roleARN, "role-arn", "", "the role to assume")
	flags.StringVar(&asked.sessionName, "session-name", "go-assume-role", "how the session is called in the audit record")
	flags.StringVar(&asked.externalID, "external-id", "", "the ID that the role's owner agreed with you")
	flags.DurationVar(&asked.duration, "duration", time.Hour, "how long the credentials last")
	if err := flags.Parse(arguments); err != nil {
		return asked, errUsage
	}
	if asked.roleARN == "" {
		return asked, errUsage
	}
	asked.command = flags.Args()
	return asked, nil
}

// run assumes the role and then runs the command or, without one, prints the three variables for
// a shell to read.
func run(asked options, out io.Writer) error {
	issued, err := assumeRole(asked)
	if err != nil {
		return err
	}
	variables := environment(issued)
	if len(asked.command) == 0 {
		for _, variable := range variables {
			name, value, _ := strings.Cut(variable, "=")
			fmt.Fprintf(out, "export %s='%s'\n", name, value)
		}
		return nil
	}
	command := exec.Command(asked.command[0], asked.command[1:]...)
	command.Env = append(withoutCredentials(os.Environ()), variables...)
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, out, os.Stderr
	return command.Run()
}

func assumeRole(asked options) (*sts.Credentials, error) {
	config := aws.NewConfig()
	// This version of the SDK does not know the variable by itself.
	if endpoint := os.Getenv("AWS_ENDPOINT_URL"); endpoint != "" {
		config = config.WithEndpoint(endpoint)
	}
	shared, err := session.NewSessionWithOptions(session.Options{
		Config:            *config,
		SharedConfigState: session.SharedConfigEnable,
	})
	if err != nil {
		return nil, err
	}
	input := &sts.AssumeRoleInput{
		RoleArn:         aws.String(asked.roleARN),
		RoleSessionName: aws.String(asked.sessionName),
		DurationSeconds: aws.Int64(int64(asked.duration / time.Second)),
	}
	if asked.externalID != "" {
		input.ExternalId = aws.String(asked.externalID)
	}
	output, err := sts.New(shared).AssumeRole(input)
	if err != nil {
		return nil, err
	}
	return output.Credentials, nil
}

func environment(issued *sts.Credentials) []string {
	return []string{
		"AWS_ACCESS_KEY_ID=" + aws.StringValue(issued.AccessKeyId),
		"AWS_SECRET_ACCESS_KEY=" + aws.StringValue(issued.SecretAccessKey),
		"AWS_SESSION_TOKEN=" + aws.StringValue(issued.SessionToken),
	}
}

// withoutCredentials leaves out what would go before the variables in some SDKs, or beside them.
func withoutCredentials(variables []string) []string {
	var kept []string
	for _, variable := range variables {
		switch name, _, _ := strings.Cut(variable, "="); name {
		case "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_PROFILE":
		default:
			kept = append(kept, variable)
		}
	}
	return kept
}

// describe says what the service said, in one line.
func describe(err error) string {
	var refusal awserr.Error
	if errors.As(err, &refusal) {
		return fmt.Sprintf("%s: %s", refusal.Code(), refusal.Message())
	}
	return err.Error()
}
