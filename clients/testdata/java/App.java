package example;

public class App {
    private static int served;

    public static String handle(String event) {
        System.out.println("greeting from java");
        if (event.contains("fail")) throw new IllegalStateException("told to fail");
        return "{\"served\":" + ++served + ",\"seen\":\"" + System.getProperty("seen") + "\",\"wrapped\":\"" + System.getProperty("wrapped") + "\"}";
    }
}
